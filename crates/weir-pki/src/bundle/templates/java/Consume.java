import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads topics as {{ principal }} with Kafka's own Java client, and prints a line for each record: topic, partition,
 * offset, value. In the bundle's directory, where its settings are:
 *
 * <pre>
 * mvn -q -f java compile
 * java -cp 'java/target/classes:java/target/lib/*' Consume                        # with client.properties
 * java -cp 'java/target/classes:java/target/lib/*' Consume client-p12.properties
 * </pre>
 *
 * Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
 * KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none).
 */
public final class Consume {
    /** All that you may read by name; keep what you need. */
    private static final List<String> TOPICS = List.of(
{% for topic in topics %}
        "{{ topic }}"{{ "," if not loop.last else "" }}
{% endfor %}
    );
    /** Often enough, and commits are limited. */
    private static final Duration COMMIT_INTERVAL = Duration.ofSeconds(5);
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final CountDownLatch ENDED = new CountDownLatch(1);
    private static volatile boolean stopping;

    public static void main(String[] args) {
        // Kafka's client tells much; `info` shows all of it.
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "error");
        int status = run(Path.of(args.length > 0 ? args[0] : "client.properties"));
        ENDED.countDown();
        System.exit(status);
    }

    /** Your work. When it is done, the record counts as read; a crash before that brings the record again. */
    private static void process(ConsumerRecord<String, String> record) {
        System.out.println(record.topic() + " " + record.partition() + " " + record.offset() + " " + record.value());
    }

    /** Test events, which show every hour that a stream is alive, are no data. */
    private static boolean isCanary(String value) {
        try {
            return value != null && JSON.readTree(value).path("meta").path("domain").asText().equals("canary");
        } catch (IOException notJson) {
            return false;
        }
    }

    private static Properties settings(Path file) throws IOException {
        Properties settings = new Properties();
        try (var reader = Files.newBufferedReader(file)) {
            settings.load(reader); // where to connect and with which certificate, and why it is set as it is
        }
        for (String name : List.of("ssl.keystore.location", "ssl.truststore.location")) {
            Path needed = Path.of(settings.getProperty(name, file.toString()));
            if (!Files.exists(needed)) {
                throw new NoSuchFileException(needed.toString());
            }
        }
        settings.put("group.id", env("KAFKA_GROUP_ID", settings.getProperty("group.id")));
        settings.put("auto.offset.reset", env("KAFKA_AUTO_OFFSET_RESET", settings.getProperty("auto.offset.reset")));
        // This program commits, after it has processed.
        settings.put("enable.auto.commit", "false");
        // client.rack stays unset: it is for readers inside the data centre.
        return settings;
    }

    private static int run(Path file) {
        KafkaConsumer<String, String> consumer;
        try {
            consumer = new KafkaConsumer<>(settings(file), new StringDeserializer(), new StringDeserializer());
        } catch (IOException | KafkaException e) {
            return say("The settings, or files that they name, are wrong: it is run in the bundle's directory. ("
                + root(e) + ")", 1);
        }
        stopOnSignals(consumer);
        try (consumer) { // closing leaves the group
            return read(consumer);
        } catch (TopicAuthorizationException e) {
            return say("A topic is refused: it is not among those of README.md, or the operator has suspended it. ("
                + e.getMessage() + ")", 1);
        } catch (GroupAuthorizationException e) {
            return say("Group " + e.groupId() + " is refused: README.md says how its name must begin, if at all, "
                + "and how many groups you may have. (" + e.getMessage() + ")", 1);
        } catch (NoOffsetForPartitionException e) {
            return say("The group has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. ("
                + e.getMessage() + ")", 1);
        } catch (AuthenticationException e) {
            return say("TLS is refused: your certificate has expired, is revoked or suspended, "
                + "or the CA is not the server's. (" + root(e) + ")", 1);
        } catch (KafkaException e) {
            return say(e.toString(), 1);
        }
    }

    private static int read(KafkaConsumer<String, String> consumer) {
        List<String> topics = List.of(env("KAFKA_TOPICS", String.join(",", TOPICS)).split(","));
        consumer.subscribe(topics, new CommitBeforeRevoked(consumer));
        say("reading " + topics.size() + " topics as group " + consumer.groupMetadata().groupId(), 0);
        long committed = System.nanoTime();
        try {
            while (!stopping && !System.out.checkError()) { // an error: whoever read the output has seen enough
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (!isCanary(record.value())) {
                        process(record);
                    }
                }
                if (System.nanoTime() - committed > COMMIT_INTERVAL.toNanos()) {
                    commit(consumer);
                    committed = System.nanoTime();
                }
            }
        } catch (WakeupException e) {
            // asked to stop
        }
        commit(consumer);
        return 0;
    }

    /** Commits all that was polled, which is all that was processed. What fails for a while is left for later. */
    private static void commit(KafkaConsumer<String, String> consumer) {
        try {
            consumer.commitSync();
        } catch (CommitFailedException | RetriableException e) {
            say("goes on after: " + e.getMessage(), 0);
        }
    }

    /** Whoever gets the partitions goes on where this one ended. */
    private record CommitBeforeRevoked(KafkaConsumer<String, String> consumer) implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            commit(consumer);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {}

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
    }

    /** Ctrl-C and SIGTERM: the JVM ends when the reader has committed and left its group. */
    private static void stopOnSignals(KafkaConsumer<String, String> consumer) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            consumer.wakeup();
            try {
                ENDED.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                // ends at once
            }
        }));
    }

    /** What began it: Kafka's client says it only there. */
    private static Throwable root(Throwable e) {
        return e.getCause() == null ? e : root(e.getCause());
    }

    private static int say(String sentence, int status) {
        System.err.println(sentence);
        return status;
    }

    private static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
