import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Bodies of the APIs that are about topics, Fetch apart. */
final class TopicCases {
    private TopicCases() {}

    static List<JsonNode> metadata(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        var lists = new ArrayList<JsonNode>();
        Names.TOPICS.forEach(topics -> lists.add(byName(topics)));
        lists.add(Json.o("x", (Object) null).get("x"));
        if (version >= 10) {
            String open = Names.id(principal, "open.a");
            for (var topics : Names.BY_ID) lists.add(byId(topics.stream().map(topic -> Names.id(principal, topic)).toList()));
            lists.add(Json.a(Json.o("topicId", open, "name", "open.a")));
            lists.add(Json.a(Json.o("topicId", open, "name", "open.b")));
            lists.add(Json.a(Json.o("topicId", open, "name", null), Json.o("topicId", Names.ZERO_ID, "name", "open.b")));
            lists.add(Json.a(Json.o("topicId", Names.ZERO_ID, "name", null)));
            lists.add(byId(List.of("$id:shut.d")));
        }
        for (JsonNode topics : lists) {
            for (int flags = 0; flags < 8; flags++) {
                bodies.add(Json.o("topics", topics, "allowAutoTopicCreation", (flags & 1) != 0,
                    "includeTopicAuthorizedOperations", (flags & 2) != 0, "includeClusterAuthorizedOperations", (flags & 4) != 0));
                // A hidden id is declared: once is enough.
                if (topics.toString().contains("$id:shut")) break;
            }
        }
        return bodies;
    }

    private static JsonNode byName(List<String> topics) {
        return Json.list(topics.stream().map(name -> Json.o("topicId", Names.ZERO_ID, "name", name)).toList());
    }

    private static JsonNode byId(List<String> ids) {
        return Json.list(ids.stream().map(id -> Json.o("topicId", id, "name", null)).toList());
    }

    static List<JsonNode> listOffsets() {
        var bodies = new ArrayList<JsonNode>();
        ObjectNode plain = Json.o("replicaId", -1, "isolationLevel", 0, "timeoutMs", 1000);
        for (var topics : Names.TOPICS) bodies.add(offsetsOf(plain, topics, List.of(0, 1), -1, -1));
        for (var partitions : Names.PARTITIONS) bodies.add(offsetsOf(plain, List.of("open.a", "shut.d"), partitions, -1, -2));
        for (var topics : Names.FEW) {
            for (long time : List.of(-1L, -2L, -3L, -4L, -5L, -6L, -7L, -99L, 0L, Stage.EPOCH + 2_500, Stage.EPOCH + 100_000, Stage.EPOCH * 2)) {
                for (int isolation = 0; isolation < 2; isolation++) {
                    bodies.add(offsetsOf(Json.with(plain, "isolationLevel", isolation), topics, List.of(0), -1, time));
                }
            }
            bodies.add(offsetsOf(Json.with(plain, "isolationLevel", 2), topics, List.of(0), -1, -1));
            for (int epoch : List.of(0, 7, -5)) bodies.add(offsetsOf(plain, topics, List.of(0), epoch, -1));
            for (int replica : List.of(-3, 0, 1)) bodies.add(offsetsOf(Json.with(plain, "replicaId", replica), topics, List.of(0), -1, -1));
        }
        return bodies;
    }

    private static JsonNode offsetsOf(ObjectNode plain, List<String> topics, List<Integer> partitions, int epoch, long time) {
        var parts = Json.list(partitions.stream().map(partition ->
            Json.o("partitionIndex", partition, "currentLeaderEpoch", epoch, "timestamp", time)).toList());
        return Json.with(plain, "topics", Json.list(topics.stream().map(name -> Json.o("name", name, "partitions", parts)).toList()));
    }

    static List<JsonNode> offsetForLeaderEpoch() {
        var bodies = new ArrayList<JsonNode>();
        for (int replica : List.of(-2, -1)) {
            for (var topics : Names.TOPICS) bodies.add(epochsOf(replica, topics, List.of(0, 1), -1, 0));
            for (var partitions : Names.PARTITIONS) bodies.add(epochsOf(replica, List.of("open.a", "shut.d"), partitions, 0, 0));
            for (var topics : Names.FEW) {
                for (int current : List.of(-1, 0, 5, -7)) {
                    for (int epoch : List.of(-1, 0, 1, 99)) bodies.add(epochsOf(replica, topics, List.of(0), current, epoch));
                }
            }
        }
        return bodies;
    }

    private static JsonNode epochsOf(int replica, List<String> topics, List<Integer> partitions, int current, int epoch) {
        var parts = Json.list(partitions.stream().map(partition ->
            Json.o("partition", partition, "currentLeaderEpoch", current, "leaderEpoch", epoch)).toList());
        var all = Json.list(topics.stream().map(name -> Json.o("topic", name, "partitions", parts)).toList());
        return Json.o("replicaId", replica, "topics", all);
    }

    static List<JsonNode> describeTopicPartitions() {
        var bodies = new ArrayList<JsonNode>();
        for (var topics : Names.TOPICS) {
            JsonNode names = Json.list(topics.stream().map(name -> Json.o("name", name)).toList());
            for (int limit : List.of(2000, 1, 2, 3, 0, -1)) bodies.add(Json.o("topics", names, "responsePartitionLimit", limit, "cursor", null));
            for (String at : List.of("open.a", "open.b", "shut.d", "nothing.x", "half.c", "aaa", "zzz", "")) {
                for (int partition : List.of(0, 1, 9, -1)) {
                    bodies.add(Json.o("topics", names, "responsePartitionLimit", 2,
                        "cursor", Json.o("topicName", at, "partitionIndex", partition)));
                }
            }
        }
        return bodies;
    }

    static List<JsonNode> describeConfigs() {
        var bodies = new ArrayList<JsonNode>();
        List<JsonNode> keys = List.of(Json.o("x", (Object) null).get("x"), Json.a(), Json.a("retention.ms"), Json.a("cleanup.policy", "no.such.key"),
            Json.a("retention.ms", "retention.ms"));
        for (JsonNode wanted : keys) {
            for (int flags = 0; flags < 4; flags++) {
                for (var topics : Names.TOPICS) bodies.add(configs(2, topics, wanted, flags));
                for (var brokers : List.of(List.of("1"), List.of(""), List.of("2"))) {
                    for (int type : List.of(4, 8)) bodies.add(configs(type, brokers, wanted, flags));
                }
                for (int type : List.of(0, 1, 3, 5, 16, 32, 99)) bodies.add(configs(type, List.of("all.known"), wanted, flags));
            }
        }
        return bodies;
    }

    private static JsonNode configs(int type, List<String> names, JsonNode keys, int flags) {
        var resources = Json.list(names.stream().map(name ->
            Json.o("resourceType", type, "resourceName", name, "configurationKeys", keys)).toList());
        return Json.o("resources", resources, "includeSynonyms", (flags & 1) != 0, "includeDocumentation", (flags & 2) != 0);
    }

    static List<JsonNode> produce() {
        var bodies = new ArrayList<JsonNode>();
        for (int acks : List.of(1, -1, 0)) {
            for (var topics : Names.TOPICS) {
                // Nothing is refused, so nothing is answered.
                if (acks == 0 && topics.isEmpty()) continue;
                for (String transaction : new String[] {null, "parity", ""}) {
                    bodies.add(produce(transaction, acks, topics, transaction != null));
                }
            }
        }
        // Weir does not look into records: what says that it is a transaction is taken for one.
        bodies.add(produce("parity", 1, List.of("open.a"), false));
        return bodies;
    }

    static JsonNode produce(String transaction, int acks, List<String> topics, boolean transactional) {
        var record = new SimpleRecord(Stage.EPOCH, "of nobody".getBytes(StandardCharsets.UTF_8));
        var records = transactional ? MemoryRecords.withTransactionalRecords(Compression.NONE, 9, (short) 0, 0, record)
            : MemoryRecords.withRecords(Compression.NONE, record);
        var bytes = new byte[records.sizeInBytes()];
        records.buffer().get(bytes);
        var partitions = Json.a(Json.o("index", 0, "records", bytes), Json.o("index", 99, "records", bytes));
        var data = topics.stream().map(topic -> Json.o("name", topic, "topicId", Names.ZERO_ID, "partitionData", partitions)).toList();
        return Json.o("transactionalId", transaction, "acks", acks, "timeoutMs", 1000, "topicData", Json.list(data));
    }
}
