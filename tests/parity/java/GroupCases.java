import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Bodies of the APIs that are about groups and their members. */
final class GroupCases {
    private static final byte[] SUBSCRIPTION = subscription();

    private GroupCases() {}

    /** Version 0 of the consumer protocol: one topic, no user data. */
    private static byte[] subscription() {
        byte[] topic = "open.a".getBytes(StandardCharsets.UTF_8);
        var bytes = java.nio.ByteBuffer.allocate(2 + 4 + 2 + topic.length + 4);
        bytes.putShort((short) 0).putInt(1).putShort((short) topic.length).put(topic).putInt(-1);
        return bytes.array();
    }

    static List<JsonNode> findCoordinator(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        List<String> groups = Names.groups(principal);
        for (int type : List.of(0, 1, 2, 3, 99, -1)) {
            for (String group : groups) bodies.add(Json.o("key", group, "keyType", type, "coordinatorKeys", Json.a(group)));
        }
        if (version >= 4) {
            for (int type : List.of(0, 1)) {
                bodies.add(Json.o("keyType", type, "coordinatorKeys", Json.a()));
                bodies.add(Json.o("keyType", type, "coordinatorKeys", Json.list(groups)));
                bodies.add(Json.o("keyType", type, "coordinatorKeys", Json.a(groups.get(0), groups.get(0))));
                bodies.add(Json.o("keyType", type, "coordinatorKeys", Json.a(groups.get(2), groups.get(2), groups.get(1))));
            }
        }
        return bodies;
    }

    static ObjectNode join(String group, String member) {
        return Json.o("groupId", group, "sessionTimeoutMs", 6000, "rebalanceTimeoutMs", 6000, "memberId", member, "groupInstanceId", null,
            "protocolType", "consumer", "protocols", Json.a(Json.o("name", "range", "metadata", SUBSCRIPTION)), "reason", null);
    }

    static List<JsonNode> joinGroup(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (String group : Names.groups(principal)) {
            bodies.add(join(group, group.endsWith(".none-yet") ? "somebody" : "nobody"));
            bodies.add(Json.with(join(group, "nobody"), "groupInstanceId", "desk-1"));
            if (!group.startsWith(principal + ".")) bodies.add(join(group, ""));
        }
        // A member that comes in waits for those who are there: each has a group of its own.
        String own = principal + ".joined-" + version;
        for (int time : List.of(0, -1, 5999, 1_800_001)) bodies.add(Json.with(join(own, ""), "sessionTimeoutMs", time));
        // Kafka makes a group of it, although it refuses: one that is there already shows no difference.
        bodies.add(Json.with(join(principal + ".known", ""), "protocols", Json.a()));
        bodies.add(Json.with(join(own + "-c", ""), "groupInstanceId", "bad instance!"));
        bodies.add(Json.with(join(own + "-d", ""), "groupInstanceId", ""));
        bodies.add(Json.with(join(principal + ".known", ""), "protocolType", ""));
        return bodies;
    }

    static List<JsonNode> heartbeat(String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (String group : Names.groups(principal)) {
            for (String member : List.of("", "nobody")) {
                for (int generation : List.of(-1, 0, 1)) {
                    for (String instance : new String[] {null, "desk-1"}) {
                        bodies.add(Json.o("groupId", group, "generationId", generation, "memberId", member, "groupInstanceId", instance));
                    }
                }
            }
        }
        return bodies;
    }

    static List<JsonNode> leaveGroup(String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (String group : Names.groups(principal)) {
            for (String member : List.of("", "nobody")) {
                bodies.add(leave(group, member, Json.a(Json.o("memberId", member, "groupInstanceId", null, "reason", null))));
                bodies.add(leave(group, member, Json.a(Json.o("memberId", member, "groupInstanceId", "desk-1", "reason", "tired"))));
            }
            bodies.add(leave(group, "other", Json.a()));
            var two = Json.a(Json.o("memberId", "nobody", "groupInstanceId", null), Json.o("memberId", "", "groupInstanceId", "desk-2"));
            bodies.add(leave(group, "third", two));
        }
        return bodies;
    }

    private static JsonNode leave(String group, String member, JsonNode members) {
        return Json.o("groupId", group, "memberId", member, "members", members);
    }

    static List<JsonNode> syncGroup(String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (String group : Names.groups(principal)) {
            for (String member : List.of("", "nobody")) {
                for (String type : new String[] {null, "consumer", "connect"}) {
                    bodies.add(Json.o("groupId", group, "generationId", 1, "memberId", member, "groupInstanceId", null, "protocolType", type,
                        "protocolName", type == null ? null : "range", "assignments", Json.a(Json.o("memberId", member, "assignment", SUBSCRIPTION))));
                }
            }
            bodies.add(Json.o("groupId", group, "generationId", -1, "memberId", "nobody", "groupInstanceId", "desk-1", "protocolType", "consumer",
                "protocolName", "range", "assignments", Json.a()));
        }
        return bodies;
    }

    static List<JsonNode> consumerGroupHeartbeat(int version, String principal) {
        var bodies = new ArrayList<JsonNode>();
        String own = principal + ".new-" + version;
        ObjectNode first = Json.o("groupId", own, "memberId", version == 0 ? "" : "nobody", "memberEpoch", 0, "instanceId", null, "rackId", null,
            "rebalanceTimeoutMs", 5000, "subscribedTopicNames", Json.a("open.a"), "subscribedTopicRegex", null, "serverAssignor", null,
            "topicPartitions", Json.a());
        for (String group : Names.groups(principal)) {
            for (int epoch : List.of(-1, -2, -3, 1)) bodies.add(Json.with(first, "groupId", group, "memberId", "nobody", "memberEpoch", epoch));
            if (!group.startsWith(principal + ".")) bodies.add(Json.with(first, "groupId", group));
        }
        for (var topics : Names.TOPICS) {
            // A member that may come in is a scenario's.
            if (topics.contains("shut.d") || topics.contains("nothing.x")) bodies.add(Json.with(first, "subscribedTopicNames", Json.list(topics)));
            bodies.add(Json.with(first, "memberId", "nobody", "memberEpoch", 3, "subscribedTopicNames", Json.list(topics)));
        }
        for (String regex : List.of("(", "*", "[", "open.*(", "(?=open).*", "(o)\\1", "\\pX", "a{1001}", "(?<!x)open")) {
            bodies.add(Json.with(first, "subscribedTopicRegex", regex, "subscribedTopicNames", null));
        }
        // Of nobody, and of groups that are not one's own.
        for (String regex : List.of("open.*", "", "(")) {
            bodies.add(Json.with(first, "memberId", "nobody", "memberEpoch", 3, "subscribedTopicRegex", regex, "subscribedTopicNames", null));
            bodies.add(Json.with(first, "groupId", "else.known", "subscribedTopicRegex", regex, "subscribedTopicNames", null));
            bodies.add(Json.with(first, "subscribedTopicRegex", regex, "subscribedTopicNames", Json.a("open.a", "shut.d")));
        }
        bodies.add(Json.with(first, "serverAssignor", "no-such-assignor"));
        bodies.add(Json.with(first, "rebalanceTimeoutMs", -1));
        bodies.add(Json.with(first, "topicPartitions", null));
        bodies.add(Json.with(first, "topicPartitions", Json.a(Json.o("topicId", "$id:open.a", "partitions", Json.a(0)))));
        bodies.add(Json.with(first, "instanceId", ""));
        bodies.add(Json.with(first, "rackId", ""));
        bodies.add(Json.with(first, "subscribedTopicNames", null));
        bodies.add(Json.with(first, "memberId", "", "memberEpoch", 1));
        bodies.add(Json.with(first, "memberEpoch", -2, "instanceId", null));
        return bodies;
    }

    static List<JsonNode> describeGroups(String field, String principal) {
        var bodies = new ArrayList<JsonNode>();
        List<String> groups = Names.groups(principal);
        for (boolean operations : new boolean[] {false, true}) {
            for (String group : groups) bodies.add(Json.o(field, Json.a(group), "includeAuthorizedOperations", operations));
            bodies.add(Json.o(field, Json.a(), "includeAuthorizedOperations", operations));
            bodies.add(Json.o(field, Json.list(groups), "includeAuthorizedOperations", operations));
            bodies.add(Json.o(field, Json.a(groups.get(0), groups.get(0)), "includeAuthorizedOperations", operations));
            bodies.add(Json.o(field, Json.a(groups.get(2), groups.get(1), groups.get(2)), "includeAuthorizedOperations", operations));
        }
        return bodies;
    }

    static List<JsonNode> listGroups() {
        var bodies = new ArrayList<JsonNode>();
        var states = List.of(Json.a(), Json.a("Empty"), Json.a("empty"), Json.a("Stable", "Dead"), Json.a("NoSuchState"), Json.a("Empty", "NoSuchState"),
            Json.a(""), Json.a("Stable", "Empty", "Dead", "Assigning", "Reconciling"));
        for (var state : states) {
            for (var type : List.of(Json.a(), Json.a("classic"), Json.a("Classic"), Json.a("consumer"), Json.a("share"), Json.a("nosuch"))) {
                bodies.add(Json.o("statesFilter", state, "typesFilter", type));
            }
        }
        return bodies;
    }

    /** Groups that are there are removed by scenarios. */
    static List<JsonNode> deleteGroups(String principal) {
        var bodies = new ArrayList<JsonNode>();
        List<String> groups = new ArrayList<>(Names.groups(principal));
        groups.remove(principal + ".known");
        for (String group : groups) bodies.add(Json.o("groupsNames", Json.a(group)));
        bodies.add(Json.o("groupsNames", Json.a()));
        bodies.add(Json.o("groupsNames", Json.list(groups)));
        bodies.add(Json.o("groupsNames", Json.a(groups.get(0), groups.get(0))));
        bodies.add(Json.o("groupsNames", Json.a(groups.get(1), groups.get(1), groups.get(0))));
        return bodies;
    }
}
