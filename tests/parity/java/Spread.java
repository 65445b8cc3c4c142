import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;

/**
 * What several brokers add: the right one, and the wrong ones.
 *
 * Partition p of a topic is led by broker p + 1, modulo how many there are, and the next one follows; so are those of the
 * groups' offsets (`Setups` in Rust). So a group has the same coordinator on both sides.
 */
final class Spread {
    private static final int COORDINATORS = 6;
    /** Of each API, version and principal. */
    private static final int BODIES = 8;
    private static final Set<Integer> OF_COORDINATORS = Set.of(8, 9, 11, 12, 13, 14, 15, 42, 47, 68, 69);

    private Spread() {}

    /** Some of each API, version and principal, each of them to every broker. */
    static List<List<Step>> cases(List<List<Step>> all, int brokers, Random random) {
        var alike = new LinkedHashMap<String, List<Step>>();
        for (List<Step> one : all) {
            Step step = one.get(0);
            alike.computeIfAbsent(step.key() + " " + step.version() + " " + step.principal(), none -> new ArrayList<>()).add(step);
        }
        var cases = new ArrayList<List<Step>>();
        for (List<Step> steps : alike.values()) {
            for (Step step : Cases.some(steps, BODIES, random)) {
                for (int broker = 1; broker <= brokers; broker++) cases.add(List.of(step.at(String.valueOf(broker))));
            }
        }
        return cases;
    }

    /** Groups are asked for at their coordinators, all else at the first broker; and what only several brokers show. */
    static List<List<Step>> scenarios(List<List<Step>> all, int brokers) {
        var scenarios = new ArrayList<List<Step>>();
        for (List<Step> steps : all) scenarios.add(steps.stream().map(step -> placed(step, brokers)).toList());
        if (scenarios.isEmpty()) return scenarios;
        scenarios.add(leaderMoves().stream().map(step -> step.in("leader moves")).toList());
        scenarios.add(refusedUnasked(brokers).stream().map(step -> step.in("refused unasked")).toList());
        scenarios.add(coordinatorMoves(brokers).stream().map(step -> step.in("coordinator moves")).toList());
        return scenarios;
    }

    private static Step placed(Step step, int brokers) {
        return OF_COORDINATORS.contains((int) step.key()) ? step.at(String.valueOf(coordinator(group(step.body()), brokers))) : step;
    }

    private static String group(JsonNode body) {
        for (String field : List.of("groupId", "groups", "groupsNames", "groupIds")) {
            JsonNode named = body.path(field);
            if (named.isTextual()) return named.asText();
            if (named.isArray() && !named.isEmpty()) return named.get(0).isTextual() ? named.get(0).asText() : named.get(0).get("groupId").asText();
        }
        throw new IllegalArgumentException("no group in " + body);
    }

    private static int partition(String group) {
        return Utils.abs(group.hashCode()) % COORDINATORS;
    }

    private static int coordinator(String group, int brokers) {
        return partition(group) % brokers + 1;
    }

    /** A partition changes its leader while a session reads it: who still asks the old one, and who asks the new one. */
    private static List<Step> leaderMoves() {
        var moved = new TopicPartition("open.b", 1);
        var steps = new ArrayList<Step>(asked());
        steps.add(Step.act(side -> Stage.move(side, moved, List.of(3, 2))));
        steps.addAll(asked());
        steps.add(Step.act(side -> Stage.move(side, moved, List.of(2, 3))));
        steps.addAll(asked());
        return steps;
    }

    private static List<Step> asked() {
        var steps = new ArrayList<Step>();
        for (String broker : List.of("1", "2", "3")) {
            for (int version : List.of(12, 16, 17)) {
                JsonNode topics = FetchCases.topics(version, "all", List.of("open.b"), List.of(0, 1), 0);
                steps.add(new Step(1, version, "all", Json.with(FetchCases.plain(0, -1), "topics", topics)).at(broker));
            }
            JsonNode times = Json.a(Json.o("partitionIndex", 1, "currentLeaderEpoch", 0, "timestamp", -1));
            steps.add(new Step(2, 5, "all", Json.o("replicaId", -1, "topics", Json.a(Json.o("name", "open.b", "partitions", times)))).at(broker));
            JsonNode epochs = Json.a(Json.o("partition", 1, "currentLeaderEpoch", -1, "leaderEpoch", 0));
            steps.add(new Step(23, 4, "all", Json.o("replicaId", -1, "topics", Json.a(Json.o("topic", "open.b", "partitions", epochs)))).at(broker));
            steps.add(new Step(3, 12, "all", Json.o("topics", Json.a(Json.o("topicId", Names.ZERO_ID, "name", "open.b")))).at(broker));
        }
        return steps;
    }

    /** What Weir refuses by itself, to brokers that have nothing to say of this group. */
    private static List<Step> refusedUnasked(int brokers) {
        var steps = new ArrayList<Step>();
        int broker = coordinator("all.known", brokers) % brokers + 1;
        for (int version = 0; version <= 9; version++) {
            steps.add(new Step(11, version, "all", Json.with(GroupCases.join("all.known", ""), "protocolType", "")).at(String.valueOf(broker)));
        }
        steps.add(new Step(68, 1, "all", Json.o("groupId", "all.known", "memberId", "me", "memberEpoch", 0, "rebalanceTimeoutMs", 5000,
            "subscribedTopicNames", Json.a(), "subscribedTopicRegex", "(", "topicPartitions", Json.a())).at(String.valueOf(broker)));
        steps.add(new Step(9, 1, "all", Json.o("groupId", "all.known", "topics", OffsetCases.offsetsOf(List.of("shut.d"), List.of(0))))
            .at(String.valueOf(broker)));
        return steps;
    }

    /** A group with a member in it changes its coordinator, and comes back to the first one. */
    private static List<Step> coordinatorMoves(int brokers) {
        String group = "all.moved";
        int old = coordinator(group, brokers);
        int next = old % brokers + 1;
        var moved = new TopicPartition("__consumer_offsets", partition(group));
        var steps = new ArrayList<Step>();
        steps.add(new Step(11, 3, "all", GroupCases.join(group, "")).keep("memberId", "m").at(String.valueOf(old)));
        steps.add(new Step(14, 3, "all", Json.o("groupId", group, "generationId", 1, "memberId", "$m", "assignments",
            Json.a(Json.o("memberId", "$m", "assignment", new byte[] {0, 0, 0, 0, 0, 0, -1, -1, -1, -1})))).at(String.valueOf(old)));
        ObjectNode commit = OffsetCases.commitOf(group, List.of("open.a", "shut.d"), List.of(0), 5, "x");
        steps.add(new Step(8, 8, "all", Json.with(commit, "generationIdOrMemberEpoch", 1, "memberId", "$m")).at(String.valueOf(old)));
        steps.addAll(met(group, brokers));
        steps.add(Step.act(side -> Stage.move(side, moved, List.of(next, old))));
        steps.addAll(met(group, brokers));
        steps.add(Step.act(side -> Stage.move(side, moved, List.of(old, next))));
        steps.addAll(met(group, brokers));
        return steps;
    }

    private static List<Step> met(String group, int brokers) {
        var steps = new ArrayList<Step>();
        for (int id = 1; id <= brokers; id++) {
            var asked = List.of(
                new Step(10, 4, "all", Json.o("keyType", 0, "coordinatorKeys", Json.a(group, "else.known"))),
                new Step(12, 4, "all", Json.o("groupId", group, "generationId", 1, "memberId", "$m", "groupInstanceId", null)),
                new Step(9, 7, "all", Json.o("groupId", group, "topics", OffsetCases.offsetsOf(List.of("open.a", "shut.d"), List.of(0)))),
                new Step(15, 5, "all", Json.o("groups", Json.a(group), "includeAuthorizedOperations", true)),
                new Step(16, 5, "all", Json.o("statesFilter", Json.a(), "typesFilter", Json.a())));
            for (Step step : asked) steps.add(step.at(String.valueOf(id)));
        }
        return steps;
    }
}
