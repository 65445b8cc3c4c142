import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.JsonNode;

/** Every advertised key by every version by every principal by every body, each frame once. */
final class Cases {
    /** Those that leave nothing behind come first, so that what the others leave does not show in their answers. */
    private static final List<Integer> ORDER = List.of(18, 3, 60, 2, 23, 75, 32, 10, 9, 1, 0, 15, 69, 16, 29, 48, 50, 17, 36, 12, 13, 14, 8, 47, 42, 11, 68);
    /** Where the versions end, ApiVersions alone answers. */
    private static final List<Integer> BEYOND = List.of(5, 6, 99, 32767);

    private Cases() {}

    /** By key, the first and the last version. */
    static List<List<Step>> all(Map<Integer, int[]> advertised) {
        for (int key : advertised.keySet()) {
            if (!ORDER.contains(key)) throw new IllegalStateException("key " + key + " is advertised, and there are no cases for it");
        }
        var cases = new ArrayList<List<Step>>();
        for (int key : ORDER) {
            int[] range = advertised.get(key);
            if (range == null) continue;
            var versions = new TreeSet<Integer>();
            for (int version = range[0]; version <= range[1]; version++) versions.add(version);
            if (key == 18) versions.addAll(BEYOND);
            for (int version : versions) {
                for (String principal : Names.PRINCIPALS) add(key, version, principal, cases);
            }
        }
        return cases;
    }

    private static void add(int key, int version, String principal, List<List<Step>> cases) {
        Set<JsonNode> seen = new HashSet<>();
        for (JsonNode body : bodies(key, version, principal)) {
            Step step = new Step(key, version, principal, body);
            if (!seen.add(step.body())) continue;
            if (key == 1 && FetchCases.opensSession(body)) step = step.on("own");
            // ApiVersions comes first on a connection, or never.
            if (key == 18) step = step.on("own");
            if (seen.size() % 7 == 0) step = step.at("bootstrap");
            cases.add(List.of(step));
        }
    }

    private static List<JsonNode> bodies(int key, int version, String principal) {
        return switch (key) {
            case 0 -> TopicCases.produce();
            case 1 -> FetchCases.bodies(version, principal);
            case 2 -> TopicCases.listOffsets();
            case 3 -> TopicCases.metadata(version, principal);
            case 8 -> OffsetCases.commit(version, principal);
            case 9 -> OffsetCases.fetch(version, principal);
            case 10 -> GroupCases.findCoordinator(version, principal);
            case 11 -> GroupCases.joinGroup(version, principal);
            case 12 -> GroupCases.heartbeat(principal);
            case 13 -> GroupCases.leaveGroup(principal);
            case 14 -> GroupCases.syncGroup(principal);
            case 15 -> GroupCases.describeGroups("groups", principal);
            case 16 -> GroupCases.listGroups();
            case 17 -> OtherCases.saslHandshake();
            case 18 -> OtherCases.apiVersions();
            case 23 -> TopicCases.offsetForLeaderEpoch();
            case 29 -> OtherCases.describeAcls(principal);
            case 32 -> TopicCases.describeConfigs();
            case 36 -> OtherCases.saslAuthenticate();
            case 42 -> GroupCases.deleteGroups(principal);
            case 47 -> OffsetCases.delete(principal);
            case 48 -> OtherCases.describeClientQuotas(principal);
            case 50 -> OtherCases.describeUserScramCredentials(principal);
            case 60 -> OtherCases.describeCluster();
            case 68 -> GroupCases.consumerGroupHeartbeat(version, principal);
            case 69 -> GroupCases.describeGroups("groupIds", principal);
            case 75 -> TopicCases.describeTopicPartitions();
            default -> throw new IllegalStateException("there are no cases for key " + key);
        };
    }

    /** Some of them, in their order. */
    static <T> List<T> some(List<T> cases, int count, Random random) {
        if (count >= cases.size()) return cases;
        var chosen = new TreeSet<Integer>();
        while (chosen.size() < count) chosen.add(random.nextInt(cases.size()));
        return new ArrayList<>(chosen.stream().map(cases::get).toList());
    }
}
