import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.CompactArrayOf;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.NullableSchema;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.ByteUtils;

/**
 * Writes random valid bodies as kafka-clients makes them, and where in each a length or a count stands, by
 * kafka-clients' own schemas.
 *
 *   java -cp 'JARS/*' Bodies.java OUT SEED COUNT KEY:MIN:MAX...
 *
 * OUT holds, for each direction (0 request, 1 response), key and version: u8 direction, i16 key, i16 version; u16 count
 * of places that the schema has, each as writeUTF and u8 kind; i32 count of bodies, each as i32 length, bytes, i32
 * count of positions, each as u16 place and i32 offset. The kinds are the ordinals of Kind.
 */
public final class Bodies {
    enum Kind { ARRAY, COMPACT_ARRAY, STRING, COMPACT_STRING, BYTES, COMPACT_BYTES, TAGS }

    record Position(String place, int offset) {}

    private static final int MOST_TAGS = 200;
    private static final String[] TEXTS = {
        "", "a", "mediawiki.recentchange", "weir", "\u00e4\u00f6", "\u65e5\u672c\u8a9e", "a\u0000b", "\ud83d\ude00", "%s\r\n",
    };

    public static void main(String[] args) throws IOException {
        int count = Integer.parseInt(args[2]);
        try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(Path.of(args[0])), 1 << 20))) {
            for (int i = 3; i < args.length; i++) {
                String[] range = args[i].split(":");
                short key = Short.parseShort(range[0]);
                for (short version = Short.parseShort(range[1]); version <= Short.parseShort(range[2]); version++) {
                    Random random = new Random(Long.parseLong(args[1]) ^ (key << 16) ^ version);
                    writeAll(out, 0, key, version, count, random);
                    writeAll(out, 1, key, version, count, random);
                }
            }
        }
    }

    private static void writeAll(
        DataOutputStream out, int direction, short key, short version, int count, Random random
    ) throws IOException {
        ApiMessageType api = ApiMessageType.fromApiKey(key);
        Schema schema = (direction == 0 ? api.requestSchemas() : api.responseSchemas())[version];
        var places = new LinkedHashMap<String, Kind>();
        listPlaces(schema, "", places);
        var numbers = new ArrayList<>(places.keySet());
        out.writeByte(direction);
        out.writeShort(key);
        out.writeShort(version);
        out.writeShort(numbers.size());
        for (var place : places.entrySet()) {
            out.writeUTF(place.getKey());
            out.writeByte(place.getValue().ordinal());
        }
        out.writeInt(count);
        for (int i = 0; i < count; i++) {
            ByteBuffer body = body(api, direction, schema, version, random);
            var positions = new ArrayList<Position>();
            ByteBuffer scanned = body.duplicate();
            scan(schema, scanned, "", positions);
            if (scanned.hasRemaining()) throw new IllegalStateException(api + " v" + version + ": not scanned to its end");
            out.writeInt(body.remaining());
            out.write(body.array(), body.arrayOffset() + body.position(), body.remaining());
            out.writeInt(positions.size());
            for (Position position : positions) {
                out.writeShort(numbers.indexOf(position.place));
                out.writeInt(position.offset);
            }
        }
    }

    /** Random values by the schema, read and written again by the generated class: what a client would send. */
    private static ByteBuffer body(ApiMessageType api, int direction, Schema schema, short version, Random random) {
        Struct values = new Values(random).struct(schema);
        ByteBuffer first = ByteBuffer.allocate(schema.sizeOf(values));
        schema.write(first, values);
        first.flip();
        ApiMessage message = direction == 0 ? api.newRequest() : api.newResponse();
        message.read(new ByteBufferAccessor(first), version);
        if (first.hasRemaining()) throw new IllegalStateException(api + " v" + version + ": not read to its end");
        var cache = new ObjectSerializationCache();
        ByteBuffer body = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(body), cache, version);
        body.flip();
        return body;
    }

    private static final class Values {
        private final Random random;
        private int tagsLeft = MOST_TAGS;

        Values(Random random) {
            this.random = random;
        }

        Struct struct(Schema schema) {
            Struct struct = new Struct(schema);
            for (BoundField field : schema.fields()) {
                struct.set(field, field.def.type instanceof TaggedFields tags ? tagged(tags) : value(field.def.type));
            }
            return struct;
        }

        private TreeMap<Integer, Object> tagged(TaggedFields tags) {
            var values = new TreeMap<Integer, Object>();
            for (Map.Entry<Integer, Field> field : tags.fields().entrySet()) {
                if (random.nextBoolean() && tagsLeft-- > 0) values.put(field.getKey(), value(field.getValue().type));
            }
            if (random.nextInt(20) == 0 && tagsLeft-- > 0) {
                int tag = 100 + random.nextInt(1000);
                values.put(tag, new RawTaggedField(tag, bytes(random.nextInt(12))));
            }
            return values;
        }

        private Object value(Type type) {
            if (type.isNullable() && random.nextInt(4) == 0) return null;
            if (type.isArray()) return array(type.arrayElementType().orElseThrow());
            if (type instanceof Schema schema) return struct(schema);
            return switch (type.toString()) {
                case "BOOLEAN" -> random.nextBoolean();
                case "INT8" -> (byte) random.nextInt();
                case "INT16" -> (short) random.nextInt();
                case "INT32" -> random.nextInt();
                case "INT64" -> random.nextLong();
                case "FLOAT64" -> random.nextDouble();
                case "UUID" -> new Uuid(random.nextLong(), random.nextLong());
                case "STRING", "NULLABLE_STRING", "COMPACT_STRING", "COMPACT_NULLABLE_STRING" -> text();
                case "BYTES", "NULLABLE_BYTES", "COMPACT_BYTES", "COMPACT_NULLABLE_BYTES" ->
                    ByteBuffer.wrap(bytes(random.nextInt(60)));
                case "RECORDS", "NULLABLE_RECORDS", "COMPACT_RECORDS", "COMPACT_NULLABLE_RECORDS" -> records();
                default -> throw new IllegalArgumentException("a type that this program does not know: " + type);
            };
        }

        /** Short for the most part; every twentieth has a count that takes two bytes. */
        private Object[] array(Type element) {
            boolean isLong = element instanceof Schema ? random.nextInt(200) == 0 : random.nextInt(20) == 0;
            var values = new Object[isLong ? 130 + random.nextInt(20) : random.nextInt(4)];
            for (int i = 0; i < values.length; i++) values[i] = value(element);
            return values;
        }

        private String text() {
            if (random.nextInt(20) == 0) return "x".repeat(130 + random.nextInt(200));
            return TEXTS[random.nextInt(TEXTS.length)];
        }

        private byte[] bytes(int length) {
            var bytes = new byte[length];
            random.nextBytes(bytes);
            return bytes;
        }

        private MemoryRecords records() {
            var records = new SimpleRecord[random.nextInt(3)];
            for (int i = 0; i < records.length; i++) records[i] = new SimpleRecord(text().getBytes(StandardCharsets.UTF_8));
            return MemoryRecords.withRecords(Compression.NONE, records);
        }
    }

    /** The places that a schema has, whether a body fills them or not. */
    private static void listPlaces(Type type, String place, Map<String, Kind> places) {
        Kind kind = kind(type);
        if (kind != null) places.put(place, kind);
        if (type instanceof Schema schema) {
            for (BoundField field : schema.fields()) listPlaces(field.def.type, place + "/" + field.def.name, places);
        } else if (type instanceof TaggedFields tags) {
            for (Field field : tags.fields().values()) listPlaces(field.type, place + "/" + field.name, places);
        } else if (type.isArray()) {
            listPlaces(type.arrayElementType().orElseThrow(), place + "[]", places);
        }
    }

    /** Reads a body along its schema and notes where each length or count begins. */
    private static void scan(Type type, ByteBuffer body, String place, List<Position> positions) {
        if (kind(type) != null) positions.add(new Position(place, body.position()));
        // A structure that may be null stands behind a byte: below zero where it is.
        if (type instanceof NullableSchema && body.get() < 0) return;
        if (type instanceof Schema schema) {
            for (BoundField field : schema.fields()) scan(field.def.type, body, place + "/" + field.def.name, positions);
        } else if (type instanceof TaggedFields tags) {
            scanTags(tags, body, place, positions);
        } else if (type.isArray()) {
            int count = type instanceof CompactArrayOf ? ByteUtils.readUnsignedVarint(body) - 1 : body.getInt();
            Type element = type.arrayElementType().orElseThrow();
            for (int i = 0; i < count; i++) scan(element, body, place + "[]", positions);
        } else {
            type.read(body);
        }
    }

    private static void scanTags(TaggedFields tags, ByteBuffer body, String place, List<Position> positions) {
        int count = ByteUtils.readUnsignedVarint(body);
        for (int i = 0; i < count; i++) {
            Field known = tags.fields().get(ByteUtils.readUnsignedVarint(body));
            int size = ByteUtils.readUnsignedVarint(body);
            int end = body.position() + size;
            if (known != null) scan(known.type, body, place + "/" + known.name, positions);
            else body.position(end);
            if (body.position() != end) throw new IllegalStateException(place + ": a tagged field that does not fill its size");
        }
    }

    private static Kind kind(Type type) {
        if (type instanceof Schema) return null;
        if (type instanceof TaggedFields) return Kind.TAGS;
        if (type.isArray()) return type instanceof CompactArrayOf ? Kind.COMPACT_ARRAY : Kind.ARRAY;
        return switch (type.toString()) {
            case "STRING", "NULLABLE_STRING" -> Kind.STRING;
            case "COMPACT_STRING", "COMPACT_NULLABLE_STRING" -> Kind.COMPACT_STRING;
            case "BYTES", "NULLABLE_BYTES", "RECORDS", "NULLABLE_RECORDS" -> Kind.BYTES;
            case "COMPACT_BYTES", "COMPACT_NULLABLE_BYTES", "COMPACT_RECORDS", "COMPACT_NULLABLE_RECORDS" ->
                Kind.COMPACT_BYTES;
            default -> null;
        };
    }
}
