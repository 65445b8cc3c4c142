import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * One request to both sides.
 *
 * @param principal whose certificate
 * @param door `broker`, or `bootstrap`
 * @param connection a name of its own for a connection that no other scenario uses; `shared` for the one of the principal
 * @param pipelined whether the answer is read only after the next step's request was sent
 * @param keep fields of the answer that later steps name, by their path in the answer: `sessionId`, `members/0/memberId`
 */
record Step(
    short key, short version, String principal, String door, String connection, JsonNode body, boolean pipelined,
    Map<String, String> keep
) {
    Step(int key, int version, String principal, JsonNode body) {
        this((short) key, (short) version, principal, "broker", "shared", body, false, Map.of());
    }

    Step on(String connection) {
        return new Step(key, version, principal, door, connection, body, pipelined, keep);
    }

    Step at(String door) {
        return new Step(key, version, principal, door, connection, body, pipelined, keep);
    }

    Step pipeline() {
        return new Step(key, version, principal, door, connection, body, true, keep);
    }

    Step keep(String path, String name) {
        return new Step(key, version, principal, door, connection, body, pipelined, Map.of(path, name));
    }

    /** In words, for a report. */
    String told() {
        return "key " + key + " v" + version + " as " + principal + " at " + door + ": " + body;
    }
}
