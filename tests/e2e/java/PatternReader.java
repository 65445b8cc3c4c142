import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidRegularExpression;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Subscribes to a pattern with the consumer protocol, and prints `+TOPIC` and `-TOPIC` for each partition that comes and
 * goes and `=TOPIC` for each record, until its input ends. A pattern that is refused is `!` and the end.
 */
public final class PatternReader {
    private static volatile boolean stopping;

    public static void main(String[] args) throws Exception {
        Thread stop = new Thread(PatternReader::waitForEndOfInput);
        stop.setDaemon(true);
        stop.start();
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("security.protocol", "SSL");
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.certificates", Files.readString(Path.of(args[1])));
        settings.put("ssl.keystore.type", "PEM");
        settings.put("ssl.keystore.certificate.chain", Files.readString(Path.of(args[2])));
        settings.put("ssl.keystore.key", Files.readString(Path.of(args[3])));
        settings.put("group.protocol", "consumer");
        settings.put("group.id", args[4]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("reconnect.backoff.max.ms", "500");
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(new SubscriptionPattern(args[5]), new Listener());
            while (!stopping) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    System.out.println("=" + record.topic());
                }
            }
        } catch (InvalidRegularExpression refused) {
            System.out.println("!");
        }
    }

    private static void waitForEndOfInput() {
        try {
            System.in.readAllBytes();
        } catch (java.io.IOException ended) {
            // It has ended.
        }
        stopping = true;
    }

    private static final class Listener implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> System.out.println("+" + partition.topic()));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> System.out.println("-" + partition.topic()));
        }
    }
}
