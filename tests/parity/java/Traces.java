import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Programs of Java's own Consumer and Admin, run on both sides: what they return and what they throw, line by line.
 *
 * A group is named by the side: with written-out prefixes both have the same name, with a hidden one the edge's has none.
 */
final class Traces {
    private static final Duration POLL = Duration.ofMillis(250);
    private static final long CALM_MS = 900;
    /** Until the first record, on a busy machine. */
    private static final long FIRST_MS = 4_500;

    private final Side side;
    private final String prefix;
    private final String foreign;
    private final String group;
    private final Map<String, Object> connection = new HashMap<>();
    private final List<String> told = new ArrayList<>();

    /** A call that may fail; the failure is told by its name. */
    private interface Call {
        Object run() throws Exception;
    }

    private Traces(Side side, JsonNode principal, String prefix, String foreign) {
        this.side = side;
        this.prefix = prefix;
        this.foreign = foreign;
        group = prefix + "trace";
        connection.put("bootstrap.servers", side.bootstrap);
        connection.put("security.protocol", "SSL");
        connection.put("ssl.keystore.type", "PEM");
        connection.put("ssl.truststore.type", "PEM");
        connection.put("ssl.keystore.location", principal.get("key").asText());
        connection.put("ssl.truststore.location", principal.get("ca").asText());
        connection.put("client.id", principal.get("name").asText());
        connection.put("default.api.timeout.ms", "8000");
        connection.put("request.timeout.ms", "6000");
    }

    /**
     * All programs of one principal on one side.
     *
     * @param prefix what this side's groups of this principal begin with
     * @param foreign a group that somebody else has
     */
    static List<String> run(Side side, JsonNode principal, String prefix, String foreign) {
        var traces = new Traces(side, principal, prefix, foreign);
        traces.admin();
        for (String protocol : List.of("classic", "consumer")) {
            for (var topics : List.of(List.of("open.a"), List.of("open.a", "open.b"), List.of("shut.d"), List.of("nothing.x"), List.of("gone.f"))) {
                traces.subscribed(protocol, topics);
            }
            traces.pattern(protocol);
        }
        for (String regex : List.of("(open|shut|half)\\..*", "open", "shut.*", "(")) traces.resolved(regex);
        traces.assigned();
        traces.groups();
        return traces.told;
    }

    private void tell(String what, Call call) {
        Object said;
        try {
            said = call.run();
        } catch (Exception failed) {
            Throwable cause = failed instanceof java.util.concurrent.ExecutionException ? failed.getCause() : failed;
            said = cause.getClass().getSimpleName();
        }
        told.add(what + ": " + said);
    }

    private void admin() {
        try (Admin admin = Admin.create(connection)) {
            tell("topics", () -> new TreeSet<>(admin.listTopics().names().get()));
            for (String topic : List.of("open.a", "open.b", "shut.d", "nothing.x", "gone.f")) {
                tell("describe " + topic, () -> admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
                var first = new TopicPartition(topic, 0);
                for (var spec : List.of(OffsetSpec.latest(), OffsetSpec.earliest(), OffsetSpec.maxTimestamp())) {
                    tell("offsets " + topic, () -> {
                        ListOffsetsResult.ListOffsetsResultInfo info = admin.listOffsets(Map.of(first, spec)).partitionResult(first).get();
                        return info.offset() + " " + info.leaderEpoch();
                    });
                }
            }
            tell("cluster", () -> {
                var cluster = admin.describeCluster();
                return cluster.nodes().get().size() + " " + cluster.nodes().get().contains(cluster.controller().get());
            });
            tell("commit", () -> admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition("open.a", 0), new OffsetAndMetadata(3))).all().get());
            tell("commit hidden", () -> admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition("shut.d", 0), new OffsetAndMetadata(3))).all().get());
            tell("committed", () -> new TreeMap<>(named(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get())));
            tell("foreign", () -> named(admin.listConsumerGroupOffsets(foreign).partitionsToOffsetAndMetadata().get()));
        }
    }

    /** What the programs before have left; the last ones take it away. */
    private void groups() {
        try (Admin admin = Admin.create(connection)) {
            tell("groups", () -> named(admin.listGroups().all().get()));
            tell("consumer groups", () -> named(admin.listGroups(ListGroupsOptions.forConsumerGroups()).all().get()));
            for (String id : List.of(group, group + "-classic1open.a", group + "-consumer1open.a", group + "-never")) {
                String shown = id.substring(prefix.length());
                tell("describe " + shown, () -> {
                    var found = admin.describeConsumerGroups(List.of(id)).all().get().get(id);
                    return found.groupId().substring(prefix.length()) + " " + found.type() + " " + found.groupState() + " " + found.members().size();
                });
                tell("offsets of " + shown, () -> new TreeMap<>(named(admin.listConsumerGroupOffsets(id).partitionsToOffsetAndMetadata().get())));
                var gone = Set.of(new TopicPartition("open.a", 0));
                tell("forget " + shown, () -> admin.deleteConsumerGroupOffsets(id, gone).all().get());
                tell("offsets left of " + shown, () -> new TreeMap<>(named(admin.listConsumerGroupOffsets(id).partitionsToOffsetAndMetadata().get())));
                tell("delete " + shown, () -> admin.deleteConsumerGroups(List.of(id)).all().get());
            }
            tell("groups left", () -> named(admin.listGroups().all().get()));
        }
    }

    /** By the names that a program has to use, without the prefix that it would have to write. */
    private Set<String> named(Collection<GroupListing> groups) {
        var named = new TreeSet<String>();
        for (var group : groups) {
            if (group.groupId().startsWith(prefix)) named.add(group.groupId().substring(prefix.length()) + " " + group.type() + " " + group.protocol());
        }
        return named;
    }

    private static Map<String, Long> named(Map<TopicPartition, OffsetAndMetadata> offsets) {
        var named = new HashMap<String, Long>();
        offsets.forEach((partition, offset) -> named.put(partition.toString(), offset == null ? null : Long.valueOf(offset.offset())));
        return named;
    }

    private KafkaConsumer<byte[], byte[]> consumer(String protocol, String id) {
        var properties = new Properties();
        properties.putAll(connection);
        properties.put("group.id", group + "-" + id);
        properties.put("group.protocol", protocol);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        return new KafkaConsumer<>(properties);
    }

    private void subscribed(String protocol, List<String> topics) {
        String what = protocol + " " + topics;
        try (var consumer = consumer(protocol, protocol + topics.size() + topics.get(0))) {
            consumer.subscribe(topics, listener());
            tell(what, () -> read(consumer));
            tell(what + " commits", () -> {
                consumer.commitSync();
                return new TreeMap<>(named(consumer.committed(consumer.assignment())));
            });
        }
    }

    private void pattern(String protocol) {
        try (var consumer = consumer(protocol, protocol + "-pattern")) {
            consumer.subscribe(Pattern.compile("(open|shut|half)\\..*"), listener());
            tell(protocol + " pattern", () -> read(consumer));
        }
    }

    /** A pattern that is not the client's to resolve. */
    private void resolved(String regex) {
        try (var consumer = consumer("consumer", "resolved" + regex.length())) {
            consumer.subscribe(new SubscriptionPattern(regex), listener());
            tell("consumer resolved " + regex, () -> read(consumer));
        }
    }

    private static ConsumerRebalanceListener listener() {
        return new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
        };
    }

    /** Until nothing has come for a while: how many records of which partition, and the offset of the last. */
    private static Object read(KafkaConsumer<byte[], byte[]> consumer) {
        var seen = new TreeMap<String, String>();
        var counts = new HashMap<String, Integer>();
        long quiet = System.nanoTime() + FIRST_MS * 1_000_000;
        while (System.nanoTime() < quiet) {
            for (var record : consumer.poll(POLL)) {
                String partition = record.topic() + "-" + record.partition();
                seen.put(partition, counts.merge(partition, 1, Integer::sum) + " to " + record.offset());
                quiet = System.nanoTime() + CALM_MS * 1_000_000;
            }
        }
        return seen;
    }

    private void assigned() {
        try (var consumer = consumer("classic", "assigned")) {
            var mine = new TopicPartition("open.a", 0);
            tell("partitions", () -> consumer.partitionsFor("open.a").size());
            tell("partitions hidden", () -> consumer.partitionsFor("shut.d").size());
            tell("topics", () -> new TreeSet<>(consumer.listTopics().keySet()));
            consumer.assign(List.of(mine));
            tell("end", () -> consumer.endOffsets(List.of(mine)));
            tell("beginning", () -> consumer.beginningOffsets(List.of(mine)));
            tell("time", () -> String.valueOf(consumer.offsetsForTimes(Map.of(mine, Stage.EPOCH + 3_000))));
            tell("seek", () -> {
                consumer.seek(mine, 20);
                return read(consumer);
            });
            consumer.assign(List.of(new TopicPartition("shut.d", 0)));
            tell("assigned hidden", () -> {
                consumer.seekToBeginning(List.of(new TopicPartition("shut.d", 0)));
                return read(consumer);
            });
        }
    }
}
