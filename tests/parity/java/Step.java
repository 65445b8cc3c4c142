import java.util.Map;
import java.util.function.UnaryOperator;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * One request to both sides, or something else that happens on both.
 *
 * @param principal whose certificate
 * @param door `bootstrap`, or the id of the broker that is asked
 * @param connection a name for a connection that only this scenario uses; `shared` for the one of the principal
 * @param pipelined whether the answer is read only after the next step's request was sent
 * @param keep fields of the answer that later steps name: the path `sessionId` or `members/0/memberId`, and the name
 * @param scenario the name of the scenario that it belongs to; empty for a case of one request
 * @param act what happens in place of a request
 */
record Step(
    short key, short version, String principal, String door, String connection, JsonNode body, boolean pipelined,
    Map<String, String> keep, String scenario, Act act
) {
    /** What is done to a side past its edge. */
    interface Act {
        void on(Side side) throws Exception;
    }

    Step(int key, int version, String principal, JsonNode body) {
        this((short) key, (short) version, principal, "1", "shared",
            Messages.conformed((short) key, (short) version, body, UnaryOperator.identity()), false, Map.of(), "", null);
    }

    static Step act(Act act) {
        return new Step((short) -1, (short) -1, "", "", "shared", null, false, Map.of(), "", act);
    }

    Step on(String connection) {
        return new Step(key, version, principal, door, connection, body, pipelined, keep, scenario, act);
    }

    Step at(String door) {
        return new Step(key, version, principal, door, connection, body, pipelined, keep, scenario, act);
    }

    Step pipeline() {
        return new Step(key, version, principal, door, connection, body, true, keep, scenario, act);
    }

    Step keep(String path, String name) {
        return new Step(key, version, principal, door, connection, body, pipelined, Map.of(path, name), scenario, act);
    }

    Step in(String scenario) {
        return new Step(key, version, principal, door, connection, body, pipelined, keep, scenario, act);
    }

    /** In words, for a report. */
    String told() {
        return "key " + key + " v" + version + " as " + principal + " at " + door + (scenario.isEmpty() ? "" : " in " + scenario) + ": " + body;
    }
}
