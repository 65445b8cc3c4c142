import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Does one step again and again, and says each time what its program would be told. The contract is in ../README.md. */
public final class Steps {
    private static final String TOPIC = System.getenv("TOPIC");
    private static volatile boolean stopping;

    /** One try; whether it achieved something. */
    private interface Try {
        boolean once() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        Thread stop = new Thread(Steps::waitForEndOfInput);
        stop.setDaemon(true);
        stop.start();
        switch (System.getenv("STEP")) {
            case "read" -> read();
            case "commit" -> commit();
            case "assign" -> assign();
            case "times" -> times();
            case "produce" -> produce();
            case "transact" -> transact();
            case "configs" -> configs();
            default -> throw new IllegalArgumentException("STEP");
        }
        System.out.println("{\"event\":\"end\"}");
        System.exit(0);
    }

    private static void read() throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            consumer.subscribe(List.of(TOPIC));
            again("poll", () -> !consumer.poll(Duration.ofMillis(200)).isEmpty());
        }
    }

    private static void commit() throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        String metadata = "m".repeat(number("METADATA", 0));
        partitions().forEach(partition -> offsets.put(partition, new OffsetAndMetadata(1, metadata)));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            consumer.subscribe(List.of(TOPIC));
            while (!stopping && consumer.assignment().isEmpty()) {
                tried("poll", () -> {
                    consumer.poll(Duration.ofMillis(200));
                    return false;
                });
            }
            again("commitSync", () -> {
                consumer.poll(Duration.ofMillis(50));
                consumer.commitSync(offsets);
                return true;
            });
        }
    }

    private static void assign() throws Exception {
        TopicPartition first = new TopicPartition(TOPIC, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            consumer.assign(List.of(first));
            consumer.seek(first, 2);
            again("poll", () -> {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.offset() == 2) {
                        return true;
                    }
                }
                return false;
            });
        }
    }

    private static void times() throws Exception {
        Map<TopicPartition, Long> times = new HashMap<>();
        partitions().forEach(partition -> times.put(partition, 1L));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            again("offsetsForTimes", () -> !consumer.offsetsForTimes(times).isEmpty());
        }
    }

    private static void produce() throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
            settings(Map.of("acks", "1", "enable.idempotence", "false")), new ByteArraySerializer(), new ByteArraySerializer())) {
            again("send", () -> producer.send(new ProducerRecord<>(TOPIC, new byte[1])).get() != null);
        }
    }

    private static void transact() throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
            settings(Map.of("transactional.id", "mine", "max.block.ms", "3000")), new ByteArraySerializer(), new ByteArraySerializer())) {
            again("initTransactions", () -> {
                producer.initTransactions();
                return true;
            });
        }
    }

    private static void configs() throws Exception {
        ConfigResource.Type type = ConfigResource.Type.forId((byte) number("CONFIG", 4));
        try (Admin admin = Admin.create(settings(Map.of()))) {
            again("describeConfigs", () -> admin.describeConfigs(List.of(new ConfigResource(type, "1"))).all().get() != null);
        }
    }

    private static KafkaConsumer<byte[], byte[]> consumer() throws Exception {
        Map<String, Object> settings = settings(Map.of("group.id", System.getenv("GROUP"), "session.timeout.ms", "10000",
            "auto.offset.reset", "earliest", "enable.auto.commit", "false", "default.api.timeout.ms", "3000"));
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static Map<String, Object> settings(Map<String, Object> more) throws Exception {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("bootstrap.servers", System.getenv("BOOTSTRAP"));
        settings.put("metadata.max.age.ms", "1000");
        if (System.getenv("PLAINTEXT") != null) {
            return settings;
        }
        settings.put("security.protocol", "SSL");
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.certificates", Files.readString(Path.of(System.getenv("CA"))));
        if (System.getenv("CERT") != null) {
            settings.put("ssl.keystore.type", "PEM");
            settings.put("ssl.keystore.certificate.chain", Files.readString(Path.of(System.getenv("CERT"))));
            settings.put("ssl.keystore.key", Files.readString(Path.of(System.getenv("KEY"))));
        }
        return settings;
    }

    private static List<TopicPartition> partitions() {
        List<TopicPartition> partitions = new ArrayList<>();
        for (int partition = 0; partition < number("PARTITIONS", 1); partition++) {
            partitions.add(new TopicPartition(TOPIC, partition));
        }
        return partitions;
    }

    private static void again(String call, Try one) throws InterruptedException {
        while (!stopping) {
            tried(call, one);
        }
    }

    private static void tried(String call, Try one) throws InterruptedException {
        try {
            if (one.once()) {
                say("ok", call, "");
                Thread.sleep(300);
            }
        } catch (Exception e) {
            Throwable why = e;
            while (why.getCause() != null && (why instanceof ExecutionException || why.getClass() == KafkaException.class)) {
                why = why.getCause();
            }
            Errors error = Errors.forException(why); // that of the class above, where the protocol has none of its own
            short code = error.exception() != null && error.exception().getClass() == why.getClass() ? error.code() : -1;
            say("error", call, ",\"class\":\"" + why.getClass().getSimpleName() + "\",\"code\":" + (code > 0 ? code : "null"));
            System.err.println(why);
            Thread.sleep(300);
        }
    }

    private static void say(String event, String call, String more) {
        System.out.println("{\"event\":\"" + event + "\",\"call\":\"" + call + "\"" + more + "}");
    }

    private static int number(String name, int otherwise) {
        return Integer.parseInt(System.getenv().getOrDefault(name, String.valueOf(otherwise)));
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
