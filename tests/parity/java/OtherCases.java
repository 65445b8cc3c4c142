import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;

/** Bodies of the APIs that are about the connection, the cluster and the caller itself. */
final class OtherCases {
    private OtherCases() {}

    static List<JsonNode> apiVersions() {
        var bodies = new ArrayList<JsonNode>();
        List<String> texts = List.of("parity", "apache-kafka-java", "", " ", "bad name!", "-a", "a-", "a.b-c", "\u00e4", "1.0", "x".repeat(300), "a b", "a_b");
        for (String text : texts) {
            bodies.add(Json.o("clientSoftwareName", text, "clientSoftwareVersion", "1.0"));
            bodies.add(Json.o("clientSoftwareName", "parity", "clientSoftwareVersion", text));
        }
        return bodies;
    }

    static List<JsonNode> describeCluster() {
        var bodies = new ArrayList<JsonNode>();
        for (int flags = 0; flags < 4; flags++) {
            for (int type : List.of(1, 2, 0, 3, -1)) {
                bodies.add(Json.o("includeClusterAuthorizedOperations", (flags & 1) != 0, "endpointType", type, "includeFencedBrokers", (flags & 2) != 0));
            }
        }
        return bodies;
    }

    static List<JsonNode> describeAcls(String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (int type : List.of(0, 1, 2, 3, 4, 5, 99)) {
            for (int pattern : List.of(0, 1, 2, 3, 4)) {
                for (String who : new String[] {null, "User:" + principal, "User:else", "nobody"}) {
                    bodies.add(Json.o("resourceTypeFilter", type, "resourceNameFilter", null, "patternTypeFilter", pattern, "principalFilter", who,
                        "hostFilter", null, "operation", 1, "permissionType", 1));
                }
            }
        }
        for (String name : List.of("open.a", "shut.d", "nothing.x", "")) {
            for (int operation : List.of(0, 1, 2, 3, 8)) {
                for (int permission : List.of(0, 1, 2, 3)) {
                    bodies.add(Json.o("resourceTypeFilter", 2, "resourceNameFilter", name, "patternTypeFilter", 3, "principalFilter", null,
                        "hostFilter", "*", "operation", operation, "permissionType", permission));
                }
            }
        }
        return bodies;
    }

    static List<JsonNode> describeClientQuotas(String principal) {
        var bodies = new ArrayList<JsonNode>();
        for (boolean strict : new boolean[] {false, true}) {
            bodies.add(Json.o("components", Json.a(), "strict", strict));
            for (String type : List.of("user", "client-id", "ip", "nosuch", "")) {
                for (int match : List.of(0, 1, 2, 3)) {
                    for (String name : new String[] {null, principal, "else", ""}) {
                        bodies.add(Json.o("components", Json.a(Json.o("entityType", type, "matchType", match, "match", name)), "strict", strict));
                    }
                }
            }
        }
        return bodies;
    }

    static List<JsonNode> describeUserScramCredentials(String principal) {
        var bodies = new ArrayList<JsonNode>();
        bodies.add(Json.o("users", null));
        bodies.add(Json.o("users", Json.a()));
        for (String name : List.of(principal, "else", "", "nobody")) bodies.add(Json.o("users", Json.a(Json.o("name", name))));
        bodies.add(Json.o("users", Json.a(Json.o("name", principal), Json.o("name", principal))));
        bodies.add(Json.o("users", Json.a(Json.o("name", principal), Json.o("name", "else"))));
        return bodies;
    }

    static List<JsonNode> saslHandshake() {
        var bodies = new ArrayList<JsonNode>();
        for (String mechanism : List.of("PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "", "nosuch")) bodies.add(Json.o("mechanism", mechanism));
        return bodies;
    }

    static List<JsonNode> saslAuthenticate() {
        var bodies = new ArrayList<JsonNode>();
        for (String text : List.of("", "\0user\0password", "x".repeat(500))) {
            bodies.add(Json.o("authBytes", text.getBytes(StandardCharsets.UTF_8)));
        }
        return bodies;
    }
}
