import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Bodies of the APIs that are about committed offsets. */
final class OffsetCases {
    private OffsetCases() {}

    static List<JsonNode> commit(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        String own = principal + ".commits-" + version;
        for (var topics : Names.TOPICS) bodies.add(commitOf(own, topics, List.of(0, 1), 5, "x"));
        for (var partitions : Names.PARTITIONS) bodies.add(commitOf(own, List.of("open.a", "shut.d"), partitions, 6, ""));
        for (String group : Names.groups(principal)) {
            if (!group.equals(principal + ".none-yet")) bodies.add(commitOf(group, List.of("open.b", "shut.d", "nothing.x"), List.of(0), 7, null));
            for (int generation : List.of(0, 1, -2)) {
                for (String member : List.of("", "nobody")) {
                    bodies.add(Json.with(commitOf(group, List.of("open.a", "shut.d"), List.of(0), 8, "x"),
                        "generationIdOrMemberEpoch", generation, "memberId", member));
                }
            }
            bodies.add(Json.with(commitOf(group, List.of("open.a"), List.of(0), 8, "x"), "memberId", "nobody"));
            bodies.add(Json.with(commitOf(group, List.of("open.a"), List.of(0), 8, "x"), "groupInstanceId", "desk-1"));
        }
        for (long offset : List.of(0L, Long.MAX_VALUE, 1_000_000L)) bodies.add(commitOf(own, List.of("open.a"), List.of(2), offset, "x"));
        for (String metadata : List.of("x".repeat(4096), "x".repeat(4097), "\u00e4".repeat(4096), "\u00e4".repeat(4097))) {
            bodies.add(commitOf(own, List.of("open.a", "half.c"), List.of(0), 3, metadata));
        }
        bodies.add(Json.with(commitOf(own, List.of("open.a"), List.of(1), 9, "x"), "retentionTimeMs", 10));
        return bodies;
    }

    static ObjectNode commitOf(String group, List<String> topics, List<Integer> partitions, long offset, String metadata) {
        var parts = Json.list(partitions.stream().map(partition -> Json.o("partitionIndex", partition, "committedOffset", offset,
            "committedLeaderEpoch", -1, "committedMetadata", metadata)).toList());
        var all = Json.list(topics.stream().map(name -> Json.o("name", name, "partitions", parts)).toList());
        return Json.o("groupId", group, "generationIdOrMemberEpoch", -1, "memberId", "", "groupInstanceId", null, "retentionTimeMs", -1, "topics", all);
    }

    static List<JsonNode> fetch(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (boolean stable : new boolean[] {false, true}) {
            for (String group : Names.groups(principal)) {
                bodies.add(fetchOf(stable, one(group, null)));
                for (var topics : Names.FEW) bodies.add(fetchOf(stable, one(group, offsetsOf(topics, List.of(0, 1)))));
            }
            String own = principal + ".known";
            for (var topics : Names.TOPICS) bodies.add(fetchOf(stable, one(own, offsetsOf(topics, List.of(0, 1)))));
            for (var partitions : Names.PARTITIONS) bodies.add(fetchOf(stable, one(own, offsetsOf(List.of("open.a", "shut.d"), partitions))));
            if (version >= 8) several(stable, principal, bodies);
        }
        return bodies;
    }

    private static void several(boolean stable, String principal, List<JsonNode> bodies) {
        String own = principal + ".known";
        ArrayNode topics = offsetsOf(List.of("open.a", "shut.d"), List.of(0));
        bodies.add(fetchOf(stable));
        bodies.add(fetchOf(stable, one(own, null), one("else.known", null)));
        bodies.add(fetchOf(stable, one("else.known", topics), one(own, topics), one(principal + ".none-yet", topics)));
        bodies.add(fetchOf(stable, one(own, topics), one(own, topics)));
        bodies.add(fetchOf(stable, one("else.known", null), one("else.known", topics)));
        for (int epoch : List.of(-1, 0, 4)) {
            for (String member : new String[] {null, "", "nobody"}) {
                for (String group : List.of(own, principal + ".none-yet", "else.known")) {
                    bodies.add(fetchOf(stable, Json.with(one(group, topics), "memberId", member, "memberEpoch", epoch)));
                }
            }
        }
    }

    private static ObjectNode one(String group, ArrayNode topics) {
        return Json.o("groupId", group, "memberId", null, "memberEpoch", -1, "topics", topics);
    }

    /** Up to v7 there is one group, and its fields stand at the top. */
    private static JsonNode fetchOf(boolean stable, ObjectNode... groups) {
        ObjectNode body = Json.o("requireStable", stable, "groups", Json.a((Object[]) groups));
        if (groups.length > 0) body.setAll(Json.o("groupId", groups[0].get("groupId"), "topics", groups[0].get("topics")));
        return body;
    }

    static ArrayNode offsetsOf(List<String> topics, List<Integer> partitions) {
        return Json.list(topics.stream().map(name -> Json.o("name", name, "partitionIndexes", Json.list(partitions))).toList());
    }

    static List<JsonNode> delete(String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (String group : Names.groups(principal)) {
            // Offsets that others read are removed by scenarios.
            boolean isKnown = group.equals(principal + ".known");
            for (var topics : Names.TOPICS) {
                if (!isKnown || !topics.contains("open.a")) bodies.add(deleteOf(group, topics, List.of(0)));
            }
            for (var partitions : Names.PARTITIONS) bodies.add(deleteOf(group, List.of("open.b", "shut.d"), partitions));
        }
        return bodies;
    }

    static JsonNode deleteOf(String group, List<String> topics, List<Integer> partitions) {
        var parts = Json.list(partitions.stream().map(partition -> Json.o("partitionIndex", partition)).toList());
        return Json.o("groupId", group, "topics", Json.list(topics.stream().map(name -> Json.o("name", name, "partitions", parts)).toList()));
    }
}
