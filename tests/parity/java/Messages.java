import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * From a JSON tree to a frame, and from a frame to a JSON tree, by kafka-clients' own generated classes.
 *
 * A request's tree has the fields of all versions; those that a version lacks are left out, those that the tree lacks
 * have the emptiest value that there is.
 */
final class Messages {
    private static final Map<Class<?>, Method> WRITERS = new ConcurrentHashMap<>();
    private static final Map<Class<?>, Method> READERS = new ConcurrentHashMap<>();

    private Messages() {}

    /** The newest version whose body kafka-clients can write. */
    static short newest(short key) {
        return (short) (ApiMessageType.fromApiKey(key).requestSchemas().length - 1);
    }

    /** A frame without its length. `fill` gives the value that stands for a text. */
    static ByteBuffer request(
        short key, short version, int correlation, String client, JsonNode tree, UnaryOperator<JsonNode> fill
    ) {
        ApiMessageType api = ApiMessageType.fromApiKey(key);
        // Of ApiVersions there may come any version: only its header is read then.
        short written = (short) Math.min(version, newest(key));
        JsonNode whole = conformed(key, version, tree, fill);
        ApiMessage body = (ApiMessage) call(READERS, api.newRequest(), "read", JsonNode.class, whole, written);
        RequestHeaderData header = new RequestHeaderData()
            .setRequestApiKey(key).setRequestApiVersion(version).setCorrelationId(correlation).setClientId(client);
        short headerVersion = api.requestHeaderVersion(written);
        var cache = new ObjectSerializationCache();
        int size = header.size(cache, headerVersion) + body.size(cache, written);
        ByteBuffer frame = ByteBuffer.allocate(size);
        header.write(new ByteBufferAccessor(frame), cache, headerVersion);
        body.write(new ByteBufferAccessor(frame), cache, written);
        return frame.flip();
    }

    /** The tree with all fields that the version has, and no others. */
    static JsonNode conformed(short key, short version, JsonNode tree, UnaryOperator<JsonNode> fill) {
        return conform(ApiMessageType.fromApiKey(key).requestSchemas()[Math.min(version, newest(key))], tree, fill);
    }

    /** The tree of an answer without its length. */
    static JsonNode response(short key, short version, int correlation, byte[] frame) throws IOException {
        ApiMessageType api = ApiMessageType.fromApiKey(key);
        short written = (short) Math.min(version, newest(key));
        ByteBuffer bytes = ByteBuffer.wrap(frame);
        var header = new ResponseHeaderData();
        header.read(new ByteBufferAccessor(bytes), api.responseHeaderVersion(written));
        if (header.correlationId() != correlation) {
            throw new IOException("correlation id " + header.correlationId() + " in place of " + correlation);
        }
        // An ApiVersions that was not understood is answered in the first version's form.
        boolean fallback = key == 18 && bytes.getShort(bytes.position()) == 35;
        return body(api, fallback ? 0 : written, bytes);
    }

    private static JsonNode body(ApiMessageType api, short version, ByteBuffer bytes) throws IOException {
        ApiMessage message = api.newResponse();
        message.read(new ByteBufferAccessor(bytes), version);
        if (bytes.hasRemaining()) throw new IOException(bytes.remaining() + " bytes behind the answer");
        JsonNode tree = (JsonNode) call(WRITERS, message, "write", message.getClass(), message, version);
        if (message instanceof FetchResponseData fetch) addRecords(fetch, tree);
        return tree;
    }

    private static Object call(
        Map<Class<?>, Method> known, ApiMessage of, String name, Class<?> type, Object value, short version
    ) {
        try {
            Method method = known.computeIfAbsent(of.getClass(), message -> {
                try {
                    return Class.forName(message.getName() + "JsonConverter").getMethod(name, type, short.class);
                } catch (ReflectiveOperationException absent) {
                    throw new IllegalStateException("kafka-clients has no JSON form of " + message, absent);
                }
            });
            return method.invoke(null, value, version);
        } catch (InvocationTargetException failed) {
            throw new IllegalArgumentException(of.getClass().getSimpleName() + " v" + version + ": " + value, failed.getCause());
        } catch (IllegalAccessException denied) {
            throw new IllegalStateException(denied);
        }
    }

    /** The converter tells how many bytes of records there are; here is what they say. */
    private static void addRecords(FetchResponseData fetch, JsonNode tree) {
        for (int i = 0; i < fetch.responses().size(); i++) {
            var partitions = fetch.responses().get(i).partitions();
            for (int j = 0; j < partitions.size(); j++) {
                var node = (ObjectNode) tree.get("responses").get(i).get("partitions").get(j);
                node.put("records", digest((MemoryRecords) partitions.get(j).records()));
            }
        }
    }

    /** Of all that a consumer sees; a control record's time is that of the cluster's clock. */
    private static String digest(MemoryRecords records) {
        if (records == null) return "null";
        var said = new StringBuilder();
        int count = 0;
        for (RecordBatch batch : records.batches()) {
            said.append('|').append(batch.baseOffset()).append(' ').append(batch.lastOffset()).append(' ')
                .append(batch.isControlBatch()).append(batch.isTransactional()).append(batch.producerId())
                .append(' ').append(batch.partitionLeaderEpoch()).append(' ').append(batch.compressionType());
            for (Record record : batch) {
                count++;
                said.append(';').append(record.offset()).append(batch.isControlBatch() ? 0 : record.timestamp())
                    .append(record.key()).append(hex(record.key())).append(hex(record.value()));
                for (var header : record.headers()) said.append(header.key()).append(hex(ByteBuffer.wrap(header.value())));
            }
        }
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(said.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            return count + " records, " + HexFormat.of().formatHex(hash, 0, 6);
        } catch (NoSuchAlgorithmException absent) {
            throw new IllegalStateException(absent);
        }
    }

    private static String hex(ByteBuffer bytes) {
        if (bytes == null) return "null";
        var copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return HexFormat.of().formatHex(copy);
    }

    private static JsonNode conform(Type type, JsonNode given, UnaryOperator<JsonNode> fill) {
        JsonNode value = given != null && given.isTextual() ? fill.apply(given) : given;
        boolean absent = value == null || value.isNull() || value.isMissingNode();
        if (absent && type.isNullable()) return NullNode.getInstance();
        if (type instanceof Schema schema) return structure(schema, absent ? Json.o() : value, fill);
        if (type.isArray()) {
            ArrayNode array = Json.a();
            Type element = type.arrayElementType().orElseThrow();
            if (!absent) value.forEach(item -> array.add(conform(element, item, fill)));
            return array;
        }
        return absent ? emptiest(type) : value;
    }

    private static JsonNode structure(Schema schema, JsonNode given, UnaryOperator<JsonNode> fill) {
        ObjectNode struct = Json.o();
        for (BoundField field : schema.fields()) {
            if (field.def.type instanceof TaggedFields tags) {
                for (Field tag : tags.fields().values()) {
                    String name = camel(tag.name);
                    if (given.has(name)) struct.set(name, conform(tag.type, given.get(name), fill));
                }
            } else {
                String name = camel(field.def.name);
                struct.set(name, conform(field.def.type, given.get(name), fill));
            }
        }
        return struct;
    }

    private static JsonNode emptiest(Type type) {
        return switch (type.toString()) {
            case "BOOLEAN" -> Json.o("x", false).get("x");
            case "INT8", "INT16", "INT32", "INT64" -> Json.o("x", 0).get("x");
            case "UUID" -> Json.o("x", "AAAAAAAAAAAAAAAAAAAAAA").get("x");
            case "STRING", "COMPACT_STRING" -> Json.o("x", "").get("x");
            case "BYTES", "COMPACT_BYTES" -> BinaryNode.valueOf(new byte[0]);
            default -> throw new IllegalArgumentException("a type that this program does not know: " + type);
        };
    }

    private static String camel(String snake) {
        var name = new StringBuilder();
        for (int i = 0; i < snake.length(); i++) {
            char next = snake.charAt(i);
            if (next != '_') name.append(i > 0 && snake.charAt(i - 1) == '_' ? Character.toUpperCase(next) : next);
        }
        return name.toString();
    }
}
