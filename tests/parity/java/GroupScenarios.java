import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** What a member of a group does from its first request to its last. */
final class GroupScenarios {
    private static final byte[] ASSIGNED = {0, 1, 2, 3, 4};

    private GroupScenarios() {}

    /** The classic protocol: joins, is assigned, lives, commits, is out of step, leaves. */
    static List<Step> member(int version, String principal) {
        String group = principal + ".life-" + version;
        var steps = new ArrayList<Step>();
        steps.add(new Step(11, version, principal, GroupCases.join(group, "")).keep("memberId", "m"));
        // From v4 on the first answer is an id to come again with.
        steps.add(new Step(11, version, principal, Json.with(GroupCases.join(group, ""), "memberId", "$m")));
        int sync = Math.min(version, 5);
        steps.add(sync(sync, principal, group, 1));
        for (int generation : List.of(1, 2, 0, -1)) steps.add(beat(Math.min(version, 4), principal, group, "$m", generation));
        steps.add(sync(sync, principal, group, 7));
        int commit = Math.max(2, Math.min(version, 9));
        for (int generation : List.of(1, 2, -1)) {
            ObjectNode body = OffsetCases.commitOf(group, List.of("open.a", "shut.d"), List.of(0), 9, "x");
            steps.add(new Step(8, commit, principal, Json.with(body, "generationIdOrMemberEpoch", generation, "memberId", "$m")));
        }
        steps.add(new Step(9, Math.max(1, commit - 2), principal, fetched(group)));
        steps.add(leave(Math.min(version, 5), principal, group, "nobody"));
        steps.add(leave(Math.min(version, 5), principal, group, "$m"));
        steps.add(beat(Math.min(version, 4), principal, group, "$m", 1));
        steps.add(leave(Math.min(version, 5), principal, group, "$m"));
        steps.replaceAll(step -> step.on("member"));
        return steps;
    }

    private static JsonNode fetched(String group) {
        return Json.o("groupId", group, "topics", OffsetCases.offsetsOf(List.of("open.a", "shut.d"), List.of(0)));
    }

    private static Step sync(int version, String principal, String group, int generation) {
        return new Step(14, version, principal, Json.o("groupId", group, "generationId", generation, "memberId", "$m", "protocolType", "consumer",
            "protocolName", "range", "assignments", Json.a(Json.o("memberId", "$m", "assignment", ASSIGNED))));
    }

    private static Step beat(int version, String principal, String group, String member, int generation) {
        return new Step(12, version, principal, Json.o("groupId", group, "generationId", generation, "memberId", member, "groupInstanceId", null));
    }

    private static Step leave(int version, String principal, String group, String member) {
        return new Step(13, version, principal, Json.o("groupId", group, "memberId", member, "members",
            Json.a(Json.o("memberId", member, "groupInstanceId", null, "reason", "done"))));
    }

    /** Two members: the first is told to come again, both are assigned what the leader says. */
    static List<Step> two() {
        String group = "all.two";
        ObjectNode first = Json.with(GroupCases.join(group, ""), "memberId", "$a");
        return List.of(
            new Step(11, 3, "all", GroupCases.join(group, "")).on("a").keep("memberId", "a"),
            new Step(14, 3, "all", synced(group, 1, "$a", "$a", "$a")).on("a"),
            new Step(11, 3, "all", GroupCases.join(group, "")).on("b").keep("memberId", "b").pipeline(),
            Step.act(side -> Thread.sleep(150)),
            beat(3, "all", group, "$a", 1).on("a").pipeline(),
            new Step(11, 3, "all", first).on("a"),
            new Step(14, 3, "all", synced(group, 2, "$b", "$a", "$b")).on("b").pipeline(),
            new Step(14, 3, "all", synced(group, 2, "$a", "$a", "$b")).on("a"),
            beat(3, "all", group, "$a", 2).on("a"), beat(3, "all", group, "$b", 2).on("b"),
            leave(3, "all", group, "$b").on("a"), leave(3, "all", group, "$b").on("b"), leave(3, "all", group, "$a").on("a"));
    }

    /** Whoever is no consumer asks to come in. From version 4 on Kafka only says how to come again. */
    static List<Step> otherType() {
        var steps = new ArrayList<Step>();
        for (int version = 4; version <= 9; version++) {
            steps.add(new Step(11, version, "all", Json.with(GroupCases.join("all.known", ""), "protocolType", "connect")));
        }
        return steps;
    }

    private static JsonNode synced(String group, int generation, String member, String a, String b) {
        var assigned = Json.a(Json.o("memberId", a, "assignment", new byte[] {1}));
        if (!a.equals(b)) assigned.add(Json.o("memberId", b, "assignment", new byte[] {2}));
        return Json.o("groupId", group, "generationId", generation, "memberId", member, "assignments", assigned);
    }

    /** The protocol of KIP-848: comes in, lives, changes what it wants, asks for what it may not read, is out of step, leaves. */
    static List<Step> consumer(int version, String principal) {
        String group = principal + ".848-" + version;
        ObjectNode first = Json.o("groupId", group, "memberId", version == 0 ? "" : "me-" + principal, "memberEpoch", 0, "instanceId", null, "rackId", null,
            "rebalanceTimeoutMs", 5000, "subscribedTopicNames", Json.a("open.a"), "subscribedTopicRegex", null, "serverAssignor", null,
            "topicPartitions", Json.a());
        // It says less once it is in.
        ObjectNode later = Json.with(first, "memberId", "$m", "memberEpoch", "$e", "rebalanceTimeoutMs", -1, "subscribedTopicNames", null, "topicPartitions", null);
        var steps = new ArrayList<Step>();
        steps.add(beaten(version, principal, first, "memberId", "m"));
        if (principal.equals("none")) return steps;
        steps.add(beaten(version, principal, Json.with(first, "memberId", "$m"), "memberEpoch", "e"));
        steps.add(new Step(68, version, principal, later));
        steps.add(new Step(68, version, principal, Json.with(later, "topicPartitions", Json.a(Json.o("topicId", "$id:open.a", "partitions", Json.a(0, 1, 2))))));
        steps.add(new Step(68, version, principal, Json.with(later, "subscribedTopicNames", Json.a("open.a", "shut.d"))));
        steps.add(new Step(68, version, principal, Json.with(later, "subscribedTopicNames", Json.a("open.a", "nothing.x"))));
        steps.add(new Step(68, version, principal, Json.with(later, "memberEpoch", 99)));
        steps.add(new Step(68, version, principal, Json.with(later, "memberId", "somebody")));
        steps.add(new Step(8, 9, principal, Json.with(OffsetCases.commitOf(group, List.of("open.a", "shut.d"), List.of(0), 3, "x"),
            "memberId", "$m", "generationIdOrMemberEpoch", "$e")));
        steps.add(new Step(8, 8, principal, Json.with(OffsetCases.commitOf(group, List.of("open.a"), List.of(0), 3, "x"),
            "memberId", "$m", "generationIdOrMemberEpoch", "$e")));
        steps.add(new Step(8, 9, principal, Json.with(OffsetCases.commitOf(group, List.of("open.a"), List.of(0), 3, "x"),
            "memberId", "$m", "generationIdOrMemberEpoch", 77)));
        steps.add(new Step(11, 9, principal, GroupCases.join(group, "")));
        steps.add(new Step(12, 4, principal, Json.o("groupId", group, "generationId", 1, "memberId", "$m", "groupInstanceId", null)));
        steps.add(new Step(68, version, principal, Json.with(later, "memberEpoch", -1)));
        steps.add(new Step(68, version, principal, Json.with(later, "memberEpoch", -1)));
        steps.replaceAll(step -> step.on("consumer"));
        return steps;
    }

    private static Step beaten(int version, String principal, JsonNode body, String path, String name) {
        return new Step(68, version, principal, body).keep(path, name).on("consumer");
    }

    /** A group's end: it commits, is described, listed, emptied of offsets, deleted, deleted again. */
    static List<Step> left() {
        String group = "all.leaves";
        return List.of(
            new Step(8, 8, "all", OffsetCases.commitOf(group, List.of("open.a", "half.c"), List.of(0), 1, "x")),
            new Step(15, 5, "all", Json.o("groups", Json.a(group), "includeAuthorizedOperations", true)),
            new Step(15, 5, "some", Json.o("groups", Json.a(group), "includeAuthorizedOperations", true)),
            new Step(47, 0, "all", OffsetCases.deleteOf(group, List.of("half.c", "shut.d"), List.of(0, 5))),
            new Step(47, 0, "some", OffsetCases.deleteOf(group, List.of("open.a"), List.of(0))),
            new Step(9, 7, "all", Json.o("groupId", group, "topics", null)),
            new Step(42, 2, "some", Json.o("groupsNames", Json.a(group, "some.none-yet"))),
            new Step(42, 2, "all", Json.o("groupsNames", Json.a(group, "some.known", "all.none-yet"))),
            new Step(42, 2, "all", Json.o("groupsNames", Json.a(group))),
            new Step(15, 5, "all", Json.o("groups", Json.a(group))));
    }

    /** Patterns that members subscribe to, as RE2 has them; each is matched against whole names. */
    private static final List<String> PATTERNS = List.of("(open|shut|half)\\..*", "open\\.a", "shut.*", "open", ".*", "^open.*$", "(?i)OPEN\\..*",
        "OPEN.*", "nothing.*", "", "open\\.[ab]|half", "(?:open)\\.(?P<last>\\w)", "\\pL+\\.\\p{Ll}");

    /**
     * Members with a pattern each: come in, ask for all that they have, live, leave. Kafka resolves a pattern only after
     * its first answer, so the first two are some time apart.
     */
    static List<Step> pattern(String principal) {
        var steps = new ArrayList<Step>();
        var members = new ArrayList<ObjectNode>();
        for (int i = 0; i < PATTERNS.size(); i++) {
            ObjectNode first = Json.o("groupId", principal + ".pattern-" + i, "memberId", "me-" + i, "memberEpoch", 0, "instanceId", null, "rackId", null,
                "rebalanceTimeoutMs", 5000, "subscribedTopicNames", Json.a(), "subscribedTopicRegex", PATTERNS.get(i), "serverAssignor", null,
                "topicPartitions", Json.a());
            members.add(first);
            steps.add(beaten(1, principal, first, "memberEpoch", "p" + i));
        }
        steps.add(Step.act(side -> Thread.sleep(1_500)));
        for (int i = 0; i < members.size(); i++) {
            steps.add(beaten(1, principal, Json.with(members.get(i), "memberEpoch", "$p" + i), "memberEpoch", "p" + i));
        }
        for (int i = 0; i < members.size(); i++) {
            ObjectNode later = Json.with(members.get(i), "memberEpoch", "$p" + i, "rebalanceTimeoutMs", -1, "subscribedTopicNames", null,
                "subscribedTopicRegex", null, "topicPartitions", null);
            steps.add(new Step(68, 1, principal, later).on("consumer"));
            steps.add(new Step(68, 1, principal, Json.with(later, "subscribedTopicRegex", "(")).on("consumer"));
            steps.add(new Step(68, 1, principal, Json.with(later, "memberEpoch", -1)).on("consumer"));
        }
        return steps;
    }
}
