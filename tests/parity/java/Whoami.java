import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * DescribeAcls, DescribeClientQuotas and DescribeUserScramCredentials: Kafka answers administrators alone, the edge tells
 * everybody about themselves. So the control is asked from inside, as an administrator, and of its answer remains what is
 * about the caller: the edge must say just that.
 */
final class Whoami {
    private static final Set<Short> KEYS = Set.of((short) 29, (short) 48, (short) 50);

    private Whoami() {}

    static boolean isAbout(short key) {
        return KEYS.contains(key);
    }

    /** What of an administrator's answer is about this principal. */
    static JsonNode own(JsonNode answer, String principal) {
        JsonNode own = answer.deepCopy();
        if (own.get("resources") instanceof ArrayNode resources) {
            for (JsonNode resource : resources) keep((ArrayNode) resource.get("acls"), "principal", "User:" + principal);
            var each = resources.elements();
            while (each.hasNext()) {
                if (each.next().get("acls").isEmpty()) each.remove();
            }
        }
        return own;
    }

    private static void keep(ArrayNode list, String field, String value) {
        var each = list.elements();
        while (each.hasNext()) {
            ObjectNode item = (ObjectNode) each.next();
            if (!item.get(field).asText().equals(value)) each.remove();
        }
    }
}
