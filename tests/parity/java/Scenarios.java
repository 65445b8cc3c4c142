import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Requests whose answers depend on those before: each list is one scenario, compared step by step. */
final class Scenarios {
    private static final int BY_ID = 13;

    private Scenarios() {}

    /** Those whose APIs are offered in the versions that they use. */
    static List<List<Step>> all(Map<Integer, int[]> advertised) {
        var scenarios = new ArrayList<List<Step>>();
        for (String principal : List.of("all", "some")) {
            for (int version = 7; version <= 17; version++) {
                scenarios.add(named("session", fetchSession(version, principal)));
                scenarios.add(named("long session", longSession(version, principal)));
            }
        }
        for (String principal : Names.PRINCIPALS) {
            for (int version = 0; version <= 9; version++) scenarios.add(named("member", GroupScenarios.member(version, principal)));
            for (int version = 0; version <= 1; version++) scenarios.add(named("consumer", GroupScenarios.consumer(version, principal)));
            scenarios.add(named("pattern", GroupScenarios.pattern(principal)));
            scenarios.add(named("pipelined", pipelined(principal)));
            scenarios.add(named("closing", closing(principal)));
        }
        scenarios.add(named("two", GroupScenarios.two()));
        scenarios.add(named("left", GroupScenarios.left()));
        scenarios.add(named("other type", GroupScenarios.otherType()));
        scenarios.add(named("modes", modes()));
        scenarios.add(named("stolen", stolen()));
        scenarios.add(named("recreated", recreated()));
        scenarios.add(named("recreated in a session", recreatedInSession(12)));
        scenarios.add(named("recreated in a session", recreatedInSession(17)));
        scenarios.removeIf(steps -> !steps.stream().allMatch(step -> isOffered(step, advertised)));
        return scenarios;
    }

    private static List<Step> named(String name, List<Step> steps) {
        return steps.stream().map(step -> step.in(name)).toList();
    }

    private static boolean isOffered(Step step, Map<Integer, int[]> advertised) {
        int[] range = advertised.get((int) step.key());
        return step.act() != null || step.connection().equals("closing") || (range != null && range[0] <= step.version() && step.version() <= range[1]);
    }

    private static Step fetch(int version, String principal, Object session, int epoch, JsonNode topics, JsonNode forgotten) {
        ObjectNode body = Json.with(FetchCases.plain(0, epoch), "sessionId", session, "topics", topics, "forgottenTopicsData", forgotten);
        return new Step(1, version, principal, body).on("session");
    }

    /** Opened, used, changed, out of step, opened again, closed. */
    private static List<Step> fetchSession(int version, String principal) {
        JsonNode none = Json.a();
        JsonNode first = FetchCases.topics(version, principal, List.of("open.a", "half.c", "nothing.x"), List.of(0, 1), 0);
        JsonNode more = FetchCases.topics(version, principal, List.of("open.b"), List.of(0, 1), 0);
        JsonNode moved = FetchCases.topics(version, principal, List.of("open.a"), List.of(0), 12);
        return List.of(
            fetch(version, principal, 0, 0, first, none).keep("sessionId", "one"),
            fetch(version, principal, "$one", 1, none, none),
            fetch(version, principal, "$one", 2, more, none),
            fetch(version, principal, "$one", 3, none, FetchCases.forgotten(version, principal, List.of("half.c", "nothing.x"))),
            fetch(version, principal, "$one", 4, none, none),
            fetch(version, principal, "$one", 5, moved, FetchCases.forgotten(version, principal, List.of("open.b"))),
            fetch(version, principal, "$one", 9, none, none),
            fetch(version, principal, "$one", 6, none, none),
            fetch(version, principal, "$one", 0, moved, none).keep("sessionId", "two"),
            fetch(version, principal, "$one", 7, none, none),
            fetch(version, principal, "$two", 1, more, none),
            fetch(version, principal, "$two", -1, moved, none),
            fetch(version, principal, "$two", 2, none, none));
    }

    /** Many epochs of adding, moving and forgetting. */
    private static List<Step> longSession(int version, String principal) {
        var steps = new ArrayList<Step>();
        steps.add(fetch(version, principal, 0, 0, FetchCases.topics(version, principal, List.of("open.a"), List.of(0, 1, 2), 0), Json.a())
            .keep("sessionId", "long"));
        List<List<String>> turns = List.of(List.of("half.c"), List.of("open.b", "gone.f"), List.of("open.a"), List.of("nothing.x"));
        for (int epoch = 1; epoch <= 24; epoch++) {
            List<String> turn = turns.get(epoch % turns.size());
            JsonNode added = epoch % 3 == 0 ? Json.a() : FetchCases.topics(version, principal, turn, List.of(0), epoch);
            JsonNode forgotten = epoch % 5 == 4 ? FetchCases.forgotten(version, principal, turns.get((epoch + 1) % turns.size())) : Json.a();
            steps.add(fetch(version, principal, "$long", epoch, added, forgotten));
        }
        return steps;
    }

    /** A session of names goes on with ids, and one of ids with names. */
    private static List<Step> modes() {
        JsonNode names = FetchCases.topics(12, "all", List.of("open.a"), List.of(0), 0);
        JsonNode ids = FetchCases.topics(BY_ID, "all", List.of("open.a"), List.of(0), 0);
        return List.of(
            fetch(12, "all", 0, 0, names, Json.a()).keep("sessionId", "names"),
            fetch(BY_ID, "all", "$names", 1, ids, Json.a()),
            fetch(12, "all", "$names", 1, Json.a(), Json.a()),
            fetch(BY_ID, "all", 0, 0, ids, Json.a()).keep("sessionId", "ids"),
            fetch(12, "all", "$ids", 1, names, Json.a()),
            fetch(BY_ID, "all", "$ids", 1, Json.a(), Json.a()));
    }

    /** Another principal, on a connection of its own, goes on with a session, and then ends it. */
    private static List<Step> stolen() {
        JsonNode topics = FetchCases.topics(11, "all", List.of("open.a"), List.of(2), 0);
        return List.of(
            fetch(11, "all", 0, 0, topics, Json.a()).keep("sessionId", "mine"),
            fetch(11, "some", "$mine", 1, Json.a(), Json.a()),
            fetch(11, "all", "$mine", 1, Json.a(), Json.a()),
            fetch(11, "some", "$mine", 0, topics, Json.a()),
            fetch(11, "all", "$mine", 2, Json.a(), Json.a()));
    }

    /** Answered here and answered there, all sent before the first answer is read. */
    private static List<Step> pipelined(String principal) {
        JsonNode nothing = FetchCases.topics(11, principal, List.of("open.a"), List.of(2), 0);
        String group = principal + ".known";
        var steps = new ArrayList<Step>();
        for (int turn = 0; turn < 6; turn++) {
            steps.add(new Step(1, 11, principal, Json.with(FetchCases.plain(0, -1), "maxWaitMs", 60 * (turn % 2), "topics", nothing)));
            steps.add(new Step(3, 9, principal, Json.o("topics", Json.a(Json.o("name", "open.b")))));
            steps.add(new Step(12, 3, principal, Json.o("groupId", group, "generationId", turn, "memberId", "nobody")));
            steps.add(new Step(3, 1, principal, Json.o("topics", null)));
            steps.add(new Step(2, 5, principal, Json.o("replicaId", -1, "topics", Json.a(Json.o("name", "open.a", "partitions",
                Json.a(Json.o("partitionIndex", turn, "currentLeaderEpoch", -1, "timestamp", -1)))))));
            steps.add(new Step(60, 0, principal, Json.o("includeClusterAuthorizedOperations", true)));
            steps.add(new Step(10, 4, principal, Json.o("keyType", 0, "coordinatorKeys", Json.a(group, "else.known"))));
            steps.add(new Step(18, 3, principal, Json.o("clientSoftwareName", "parity", "clientSoftwareVersion", "1")));
        }
        steps.replaceAll(step -> step.on("pipe").pipeline());
        steps.add(new Step(3, 4, principal, Json.o("topics", Json.a())).on("pipe"));
        return steps;
    }

    /** What has no answer: an acknowledgement that nobody waits for, of a refused write. The next request goes unanswered. */
    private static List<Step> closing(String principal) {
        return List.of(
            new Step(3, 4, principal, Json.o("topics", Json.a())).on("closing"),
            new Step(0, 7, principal, TopicCases.produce(null, 0, List.of("open.a"), false)).on("closing").pipeline(),
            new Step(3, 4, principal, Json.o("topics", Json.a())).on("closing"));
    }

    /** A topic that may be read appears, goes, and comes again with another id. */
    private static List<Step> recreated() {
        var steps = new ArrayList<Step>();
        steps.addAll(look("before"));
        steps.add(Step.act(side -> Stage.create(side, "gone.f", "first")));
        steps.addAll(look("$id:first"));
        steps.add(Step.act(side -> Stage.delete(side, "gone.f")));
        steps.addAll(look("$id:first"));
        steps.add(Step.act(side -> Stage.create(side, "gone.f", "second")));
        steps.addAll(look("$id:first"));
        steps.addAll(look("$id:second"));
        steps.add(Step.act(side -> Stage.delete(side, "gone.f")));
        steps.addAll(look("$id:second"));
        return steps;
    }

    private static List<Step> look(String id) {
        var steps = new ArrayList<Step>();
        for (String principal : List.of("all", "some")) {
            steps.add(new Step(3, 12, principal, Json.o("topics", Json.a(Json.o("name", "gone.f", "topicId", Names.ZERO_ID)))));
            JsonNode parts = Json.a(Json.o("partition", 0, "currentLeaderEpoch", -1, "fetchOffset", 0, "lastFetchedEpoch", -1, "logStartOffset", -1,
                "partitionMaxBytes", 1000));
            steps.add(new Step(1, 12, principal, Json.with(FetchCases.plain(0, -1), "topics", Json.a(Json.o("topic", "gone.f", "partitions", parts)))));
            if (id.startsWith("$")) {
                steps.add(new Step(3, 12, principal, Json.o("topics", Json.a(Json.o("name", null, "topicId", id)))));
                steps.add(new Step(1, 13, principal, Json.with(FetchCases.plain(0, -1), "topics", Json.a(Json.o("topicId", id, "partitions", parts)))));
            }
            steps.add(new Step(8, 8, principal, OffsetCases.commitOf(principal + ".gone", List.of("gone.f"), List.of(0), 1, "x")));
        }
        return steps;
    }

    /** The same while a session reads it. */
    private static List<Step> recreatedInSession(int version) {
        JsonNode none = Json.a();
        JsonNode other = FetchCases.topics(version, "all", List.of("open.a"), List.of(0), 24);
        return List.of(
            Step.act(side -> Stage.create(side, "gone.f", "third")),
            asked(),
            fetch(version, "all", 0, 0, both(gone(version, "$id:third"), other), none).keep("sessionId", "around"),
            fetch(version, "all", "$around", 1, none, none),
            Step.act(side -> Stage.delete(side, "gone.f")),
            fetch(version, "all", "$around", 2, none, none),
            fetch(version, "all", "$around", 3, gone(version, "$id:third"), none),
            Step.act(side -> Stage.create(side, "gone.f", "fourth")),
            asked(),
            fetch(version, "all", "$around", 4, none, none),
            fetch(version, "all", "$around", 0, both(gone(version, "$id:fourth"), other), none).keep("sessionId", "again"),
            fetch(version, "all", "$again", 1, none, none),
            Step.act(side -> Stage.delete(side, "gone.f")),
            fetch(version, "all", "$again", 2, none, none),
            fetch(version, "all", "$again", -1, none, none));
    }

    /** As clients do, who have ids from nowhere else. */
    private static Step asked() {
        return new Step(3, 12, "all", Json.o("topics", Json.a(Json.o("name", "gone.f", "topicId", Names.ZERO_ID))));
    }

    private static JsonNode gone(int version, String id) {
        ArrayNode topics = FetchCases.topics(version, "all", List.of("gone.f"), List.of(0), 0);
        if (version >= BY_ID) ((ObjectNode) topics.get(0)).put("topicId", id);
        return topics;
    }

    private static JsonNode both(JsonNode first, JsonNode second) {
        return Json.list(List.of(first.get(0), second.get(0)));
    }
}
