import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Kafka's own Java consumer as the bench measures it: reads a topic whole as often as it is told to.
 *
 * <p>It takes the address of a broker from each line of its input, reads everything over mutual TLS without a group, and
 * answers with a line {@code RECORDS BYTES CPU_NS WALL_NS}. It counts from the first record to the last, in a process that
 * stays: its start and most of its compiler's work are in the first answer alone.
 */
public final class Reader {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final com.sun.management.OperatingSystemMXBean PROCESS =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final List<TopicPartition> partitions = new ArrayList<>();
    private final long wanted = Long.parseLong(setting("RECORDS"));

    public static void main(String[] args) throws Exception {
        Reader reader = new Reader();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(reader.pass(line.strip()));
        }
    }

    private Reader() {
        for (int partition = 0; partition < Integer.parseInt(setting("PARTITIONS")); partition++) {
            partitions.add(new TopicPartition(setting("TOPIC"), partition));
        }
    }

    private String pass(String bootstrap) throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings(bootstrap), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            ConsumerRecords<byte[], byte[]> some = next(consumer);
            long since = System.nanoTime();
            long cpu = PROCESS.getProcessCpuTime();
            long records = 0;
            long bytes = 0;
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : some) {
                    records++;
                    bytes += record.serializedValueSize();
                }
                if (records >= wanted) {
                    break;
                }
                some = next(consumer);
            }
            cpu = PROCESS.getProcessCpuTime() - cpu;
            return records + " " + bytes + " " + cpu + " " + (System.nanoTime() - since);
        }
    }

    private static ConsumerRecords<byte[], byte[]> next(KafkaConsumer<byte[], byte[]> consumer) {
        ConsumerRecords<byte[], byte[]> some = consumer.poll(PATIENCE);
        if (some.isEmpty()) {
            throw new IllegalStateException("no record for " + PATIENCE);
        }
        return some;
    }

    private static Properties settings(String bootstrap) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("security.protocol", "SSL");
        settings.put("ssl.enabled.protocols", "TLSv1.3");
        settings.put("ssl.cipher.suites", "TLS_AES_128_GCM_SHA256");
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.certificates", Files.readString(Path.of(setting("CA"))));
        settings.put("ssl.keystore.type", "PEM");
        settings.put("ssl.keystore.certificate.chain", Files.readString(Path.of(setting("CERT"))));
        settings.put("ssl.keystore.key", Files.readString(Path.of(setting("KEY"))));
        settings.put("enable.auto.commit", "false");
        return settings;
    }

    private static String setting(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalArgumentException("set " + name);
        }
        return value;
    }
}
