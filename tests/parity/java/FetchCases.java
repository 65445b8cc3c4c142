import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Bodies of Fetch. Those that open a session go on a connection of their own. */
final class FetchCases {
    private static final int BY_ID = 13;

    private FetchCases() {}

    static List<JsonNode> bodies(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        ObjectNode plain = plain(0, -1);
        for (JsonNode topics : lists(version, principal)) bodies.add(Json.with(plain, "topics", topics));
        for (var partitions : Names.PARTITIONS) {
            bodies.add(Json.with(plain, "topics", topics(version, principal, List.of("open.a", "nothing.x"), partitions, 0)));
        }
        for (var names : Names.FEW) {
            for (long offset : List.of(0L, 3L, 9L, 12L, 24L, 25L, 1_000_000L, -1L, Long.MAX_VALUE)) {
                for (int isolation : List.of(0, 1)) {
                    bodies.add(Json.with(plain, "isolationLevel", isolation, "topics", topics(version, principal, names, List.of(0, 1), offset)));
                }
            }
            JsonNode all = topics(version, principal, names, List.of(0, 1, 2), 0);
            for (int bytes : List.of(0, 1, 100, 700, -1, Integer.MAX_VALUE)) bodies.add(Json.with(plain, "maxBytes", bytes, "topics", all));
            for (int bytes : List.of(0, 1, 200, Integer.MAX_VALUE)) bodies.add(Json.with(plain, "topics", each(all, "partitionMaxBytes", bytes)));
            for (int epoch : List.of(0, 5, -7)) bodies.add(Json.with(plain, "topics", each(all, "currentLeaderEpoch", epoch)));
            for (int epoch : List.of(0, 1, 9)) bodies.add(Json.with(plain, "topics", each(all, "lastFetchedEpoch", epoch)));
            bodies.add(Json.with(plain, "minBytes", Integer.MAX_VALUE, "topics", all));
            bodies.add(Json.with(plain, "minBytes", 0, "maxWaitMs", 0, "topics", all));
            bodies.add(Json.with(plain, "maxWaitMs", 0, "topics", all));
            if (names == Names.FEW.get(0)) bodies.add(Json.with(plain, "isolationLevel", 2, "topics", all));
            bodies.add(Json.with(plain, "rackId", "rack-planted-1", "topics", all));
            bodies.add(Json.with(plain, "clusterId", "another", "topics", all));
            bodies.add(Json.with(plain, "forgottenTopicsData", forgotten(version, principal, names), "topics", all));
            bodies.add(Json.with(plain(1, -1), "topics", all));
            if (version >= 7) sessions(version, principal, names, all, bodies);
        }
        return bodies;
    }

    /** Sessions that are opened, and numbers that no session of this connection has. */
    private static void sessions(int version, String principal, List<String> names, JsonNode all, List<JsonNode> bodies) {
        bodies.add(Json.with(plain(0, 0), "topics", all));
        for (int id : List.of(12345, 1)) {
            for (int epoch : List.of(0, -1, 1, 7)) bodies.add(Json.with(plain(id, epoch), "topics", all));
        }
        // No session has a number below zero: brokers divide by it, and some of them end as an unknown error.
        if (names == Names.FEW.get(0)) bodies.add(Json.with(plain(Integer.MIN_VALUE, 1), "topics", Json.a()));
        bodies.add(Json.with(plain(0, 1), "topics", all));
        bodies.add(Json.with(plain(0, -7), "topics", all));
        bodies.add(Json.with(plain(12345, 3), "topics", Json.a(), "forgottenTopicsData", forgotten(version, principal, names)));
    }

    static boolean opensSession(JsonNode body) {
        return body.path("sessionEpoch").asInt(-1) == 0;
    }

    static ObjectNode plain(int session, int epoch) {
        return Json.o("replicaId", -1, "maxWaitMs", 10, "minBytes", 1, "maxBytes", 1_000_000, "isolationLevel", 0, "sessionId", session,
            "sessionEpoch", epoch, "forgottenTopicsData", Json.a(), "rackId", "");
    }

    private static List<JsonNode> lists(int version, String principal) {
        var lists = new ArrayList<JsonNode>();
        if (version < BY_ID) {
            for (var names : Names.TOPICS) lists.add(topics(version, principal, names, List.of(0, 1), 0));
            return lists;
        }
        for (var names : Names.BY_ID) lists.add(topics(version, principal, names, List.of(0, 1), 0));
        lists.add(Json.a(Json.o("topicId", Names.ZERO_ID, "partitions", parts(List.of(0), 0))));
        lists.add(Json.a(Json.o("topicId", "$id:shut.d", "partitions", parts(List.of(0), 0))));
        lists.add(Json.a());
        return lists;
    }

    static ArrayNode topics(int version, String principal, List<String> names, List<Integer> partitions, long offset) {
        return Json.list(names.stream().map(name -> version < BY_ID ? Json.o("topic", name, "partitions", parts(partitions, offset))
            : Json.o("topicId", Names.id(principal, name), "partitions", parts(partitions, offset))).toList());
    }

    static ArrayNode forgotten(int version, String principal, List<String> names) {
        return Json.list(names.stream().map(name -> version < BY_ID ? Json.o("topic", name, "partitions", Json.a(0))
            : Json.o("topicId", Names.id(principal, name), "partitions", Json.a(0))).toList());
    }

    private static ArrayNode parts(List<Integer> partitions, long offset) {
        return Json.list(partitions.stream().map(partition -> Json.o("partition", partition, "currentLeaderEpoch", -1, "fetchOffset", offset,
            "lastFetchedEpoch", -1, "logStartOffset", -1, "partitionMaxBytes", 100_000)).toList());
    }

    private static JsonNode each(JsonNode topics, String field, int value) {
        JsonNode changed = topics.deepCopy();
        changed.forEach(topic -> topic.get("partitions").forEach(partition -> ((ObjectNode) partition).put(field, value)));
        return changed;
    }
}
