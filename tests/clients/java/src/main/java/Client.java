import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md. */
public final class Client implements ConsumerRebalanceListener {
    private static final PrintStream OUT =
        new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)), false, StandardCharsets.UTF_8);
    private static final int NOT_ALLOWED = 3;

    private static volatile boolean stopping;

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final String commit = env("COMMIT", "each");
    private final Map<TopicPartition, OffsetAndMetadata> uncommitted = new HashMap<>();
    private long records;

    public static void main(String[] args) throws Exception {
        Thread stop = new Thread(Client::waitForEndOfInput);
        stop.setDaemon(true);
        stop.start();
        System.exit(new Client().run());
    }

    private Client() throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", env("BOOTSTRAP", null));
        settings.put("security.protocol", "SSL");
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.certificates", Files.readString(Path.of(env("CA", null))));
        settings.put("ssl.keystore.type", "PEM");
        settings.put("ssl.keystore.certificate.chain", Files.readString(Path.of(env("CERT", null))));
        settings.put("ssl.keystore.key", Files.readString(Path.of(env("KEY", null)))); // PKCS#8
        settings.put("group.id", env("GROUP", null));
        settings.put("group.protocol", env("PROTOCOL", "classic"));
        if (env("PROTOCOL", "classic").equals("classic")) {
            settings.put("session.timeout.ms", "10000"); // with the consumer protocol the broker decides
            settings.put("heartbeat.interval.ms", "1000");
        }
        settings.put("isolation.level", env("ISOLATION", "read_committed"));
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", String.valueOf(commit.equals("auto")));
        settings.put("auto.commit.interval.ms", "1000");
        settings.put("reconnect.backoff.max.ms", "500");
        settings.put("client.rack", env("RACK", ""));
        consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private int run() {
        boolean probe = !env("PROBE", "").isEmpty();
        long maxRecords = Long.parseLong(env("MAX_RECORDS", String.valueOf(Long.MAX_VALUE)));
        long idleMs = Long.parseLong(env("UNTIL_IDLE_MS", String.valueOf(Long.MAX_VALUE)));
        long runMs = probe ? 20_000 : 1000 * Long.parseLong(env("RUN_SECONDS", "1000000"));
        long start = System.currentTimeMillis();
        long lastRecord = start;
        try {
            consumer.subscribe(Arrays.asList(env(probe ? "PROBE" : "TOPICS", null).split(",")), this);
            while (!stopping && records < maxRecords) {
                long now = System.currentTimeMillis();
                if (now - start > runMs || now - lastRecord > idleMs) {
                    break;
                }
                ConsumerRecords<byte[], byte[]> batch = consumer.poll(Duration.ofMillis(200));
                for (ConsumerRecord<byte[], byte[]> record : batch) {
                    printRecord(record);
                    lastRecord = now;
                }
                OUT.flush();
                if (commit.equals("each")) {
                    commit();
                }
            }
            commit();
            consumer.close(); // leaves the group
            return 0;
        } catch (AuthorizationException e) {
            printError(e);
            return NOT_ALLOWED;
        } finally {
            emit("\"end\",\"records\":" + records);
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        printPartitions("assigned", partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit();
        uncommitted.keySet().removeAll(partitions);
        printPartitions("revoked", partitions);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        uncommitted.keySet().removeAll(partitions); // another member owns them by now
        printPartitions("revoked", partitions);
    }

    /** Commits what was printed. Network trouble or a rebalance leaves it for the next time. */
    private void commit() {
        if (uncommitted.isEmpty() || commit.equals("auto")) {
            return;
        }
        try {
            consumer.commitSync(uncommitted);
        } catch (CommitFailedException | RebalanceInProgressException | TimeoutException e) {
            printError(e);
            return;
        }
        emit("\"committed\",\"offsets\":" + uncommitted.entrySet().stream()
            .map(e -> String.format("[%s,%d,%d]", quote(e.getKey().topic()), e.getKey().partition(), e.getValue().offset()))
            .collect(Collectors.joining(",", "[", "]")));
        uncommitted.clear();
    }

    private void printRecord(ConsumerRecord<byte[], byte[]> record) {
        StringJoiner headers = new StringJoiner(",", "[", "]");
        record.headers().forEach(h -> headers.add("[" + quote(h.key()) + "," + base64(h.value()) + "]"));
        OUT.printf("{\"event\":\"record\",\"topic\":%s,\"partition\":%d,\"offset\":%d,\"timestamp\":%d,\"key\":%s,\"value\":%s,"
            + "\"headers\":%s}\n", quote(record.topic()), record.partition(), record.offset(), record.timestamp(),
            base64(record.key()), base64(record.value()), headers);
        records++;
        uncommitted.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
    }

    private static void printPartitions(String event, Collection<TopicPartition> partitions) {
        emit(quote(event) + ",\"partitions\":" + partitions.stream()
            .map(p -> "[" + quote(p.topic()) + "," + p.partition() + "]").collect(Collectors.joining(",", "[", "]")));
    }

    private static void printError(Exception e) {
        short code = Errors.forException(e).code(); // -1: not an error of the protocol
        emit("\"error\",\"class\":" + quote(e.getClass().getSimpleName()) + ",\"code\":" + (code > 0 ? code : "null")
            + ",\"message\":" + quote(String.valueOf(e.getMessage())));
    }

    private static synchronized void emit(String fields) {
        OUT.print("{\"event\":" + fields + "}\n");
        OUT.flush();
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? "null" : quote(Base64.getEncoder().encodeToString(bytes));
    }

    private static String quote(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("[\\x00-\\x1f]", " ") + "\"";
    }

    private static String env(String name, String otherwise) {
        String value = System.getenv(name);
        if (value == null && otherwise == null) {
            throw new IllegalArgumentException("set " + name);
        }
        return value == null ? otherwise : value;
    }

    private static void waitForEndOfInput() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException ignored) {
            // a broken pipe is an end as well
        }
        stopping = true;
    }
}
