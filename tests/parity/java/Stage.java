import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What stands on both sides before the first request, and what is left behind after the last. */
final class Stage {
    /** 2026-01-01T00:00:00Z. */
    static final long EPOCH = 1_767_225_600_000L;
    /** Groups that have committed before, each with an offset on a topic that its principal may not read. */
    static final List<String> GROUPS = List.of("all.known", "some.known", "none.known", "else.known");

    /** Longer than what Weir knows may be out of date. */
    private static final long SETTLE_MS = 1_200;

    private Stage() {}

    static void set(Side side, JsonNode plan) throws ExecutionException, InterruptedException {
        for (JsonNode topic : plan.get("topics")) {
            String name = topic.get("name").asText();
            side.learnTopic(name, side.admin.describeTopics(List.of(name)).allTopicNames().get().get(name).topicId().toString());
        }
        write(side);
        side.admin.deleteRecords(Map.of(new TopicPartition("open.a", 1), RecordsToDelete.beforeOffset(3))).all().get();
        for (String group : GROUPS) {
            var offsets = new HashMap<TopicPartition, OffsetAndMetadata>();
            offsets.put(new TopicPartition("open.a", 0), new OffsetAndMetadata(7, "noted"));
            offsets.put(new TopicPartition("open.a", 1), new OffsetAndMetadata(4));
            offsets.put(new TopicPartition("half.c", 0), new OffsetAndMetadata(2));
            offsets.put(new TopicPartition("shut.d", 1), new OffsetAndMetadata(1));
            side.admin.alterConsumerGroupOffsets(group, offsets).all().get();
        }
    }

    /** What each principal's policy at the edge says, as ACLs of the control. */
    static void authorize(Side control, JsonNode plan) throws ExecutionException, InterruptedException {
        var acls = new ArrayList<AclBinding>();
        for (JsonNode principal : plan.get("principals")) {
            String name = principal.get("name").asText();
            for (JsonNode topic : principal.get("reads")) {
                var pattern = new ResourcePattern(ResourceType.TOPIC, topic.asText(), PatternType.LITERAL);
                for (var operation : List.of(AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)) acls.add(acl(name, pattern, operation));
            }
            var groups = new ResourcePattern(ResourceType.GROUP, name + ".", PatternType.PREFIXED);
            for (var operation : List.of(AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DELETE)) {
                acls.add(acl(name, groups, operation));
            }
        }
        control.admin.createAcls(acls).all().get();
    }

    private static AclBinding acl(String name, ResourcePattern pattern, AclOperation operation) {
        return new AclBinding(pattern, new AccessControlEntry("User:" + name, "*", operation, AclPermissionType.ALLOW));
    }

    /** The same batches on both sides. */
    private static void write(Side side) throws ExecutionException, InterruptedException {
        var plain = properties(side);
        plain.put("enable.idempotence", "false");
        try (var producer = new KafkaProducer<byte[], byte[]>(plain)) {
            append(producer, "open.a", 0, 24);
            append(producer, "open.a", 1, 9);
            append(producer, "open.b", 1, 5);
            append(producer, "half.c", 0, 12);
            append(producer, "shut.d", 0, 8);
            append(producer, "shut.d", 1, 3);
            append(producer, "shut.e", 0, 3);
        }
        var transactional = properties(side);
        transactional.put("transactional.id", "parity");
        try (var producer = new KafkaProducer<byte[], byte[]>(transactional)) {
            producer.initTransactions();
            for (int i = 0; i < 4; i++) {
                producer.beginTransaction();
                append(producer, "open.b", 0, 3);
                if (i % 2 == 0) producer.commitTransaction();
                else producer.abortTransaction();
            }
        }
    }

    private static Properties properties(Side side) {
        var properties = new Properties();
        properties.put("bootstrap.servers", side.plaintext);
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        return properties;
    }

    /** One record a batch. */
    private static void append(KafkaProducer<byte[], byte[]> producer, String topic, int partition, int count)
        throws ExecutionException, InterruptedException {
        for (int i = 0; i < count; i++) {
            byte[] key = ("key " + i).getBytes(StandardCharsets.UTF_8);
            byte[] value = i % 5 == 4 ? null : (topic + " " + partition + " " + i).repeat(1 + i).getBytes(StandardCharsets.UTF_8);
            var headers = new RecordHeaders();
            if (i % 3 == 0) headers.add("h", key);
            // One of them later than those after it.
            long time = EPOCH + (i == 5 ? 100_000 : i * 1_000L);
            producer.send(new ProducerRecord<>(topic, partition, time, key, value, headers)).get();
        }
    }

    /** Creates a topic of one partition on the first broker; its id is `$id:KNOWN` from then on. Returns when the edge knows it, too. */
    static void create(Side side, String topic, String known) throws ExecutionException, InterruptedException {
        side.admin.createTopics(List.of(new NewTopic(topic, Map.of(0, List.of(1))))).all().get();
        Thread.sleep(SETTLE_MS);
        side.learnTopic(known, side.admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId().toString());
    }

    static void delete(Side side, String topic) throws ExecutionException, InterruptedException {
        side.admin.deleteTopics(List.of(topic)).all().get();
        Thread.sleep(SETTLE_MS);
    }

    /** Has another broker lead a partition: the first of those that have it from now on. */
    static void move(Side side, TopicPartition partition, List<Integer> brokers) throws ExecutionException, InterruptedException {
        side.admin.alterPartitionReassignments(Map.of(partition, Optional.of(new NewPartitionReassignment(brokers)))).all().get();
        while (!side.admin.listPartitionReassignments(Set.of(partition)).reassignments().get().isEmpty()) Thread.sleep(20);
        // It may lead already, which is an error of this partition alone.
        side.admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).partitions().get();
        Thread.sleep(SETTLE_MS);
    }

    /** All that a run can leave behind: topics, groups with their states, committed offsets. Read past the edge. */
    static Map<String, String> left(Side side) throws ExecutionException, InterruptedException {
        var left = new TreeMap<String, String>();
        Admin admin = side.admin;
        for (var topic : admin.describeTopics(admin.listTopics().names().get()).allTopicNames().get().values()) {
            left.put("topic " + topic.name(), topic.partitions().size() + " partitions");
        }
        var groups = new ArrayList<String>();
        for (var group : admin.listGroups().all().get()) {
            left.put("group " + group.groupId(), group.protocol() + ", " + group.groupState().map(Object::toString).orElse("?"));
            groups.add(group.groupId());
        }
        for (String group : groups) {
            var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            committed.forEach((partition, offset) -> left.put("group " + group + " at " + partition, String.valueOf(offset)));
        }
        return left;
    }
}
