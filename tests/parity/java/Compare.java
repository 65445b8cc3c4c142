import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

/**
 * Two answers, field by field, once each side's own names are those of both.
 *
 * Addresses, the cluster's id, the rack and topic ids are known beforehand. Member ids and session numbers are made up
 * by brokers as they go: the first time that two meet in one field they become partners for the rest of the run.
 * Free text of errors counts as there or not: no program may act on it, and Kafka's quotes what is inside. Throttle
 * times, epochs, offsets and all else are compared as they are.
 */
final class Compare {
    /** One field that differs. */
    record Difference(String field, String control, String edge) {}

    /** What names an element of a list; lists are sets of such elements, with how often each is there. */
    private static final List<String> NAMING = List.of(
        "name", "topicName", "topicId", "topic", "partitionIndex", "partition", "index", "groupId", "key", "nodeId", "brokerId",
        "apiKey", "resourceType", "resourceName", "user", "entityType", "principal", "operation", "groupInstanceId");
    private static final Set<String> MADE_UP = Set.of("memberId", "leader", "sessionId");

    private final Map<String, String> partners = new HashMap<>();

    List<Difference> differences(JsonNode control, JsonNode edge) {
        var found = new ArrayList<Difference>();
        walk("", control, edge, found);
        return found;
    }

    /**
     * ApiVersions is the edge's own answer: it may offer less, and no more. Features are the cluster's, and not shown.
     */
    static List<Difference> offers(JsonNode control, JsonNode edge) {
        var found = new ArrayList<Difference>();
        String field = "errorCode";
        if (!control.get(field).equals(edge.get(field))) found.add(new Difference(field, shown(control.get(field)), shown(edge.get(field))));
        field = "throttleTimeMs";
        if (control.has(field) != edge.has(field)) found.add(new Difference(field, shown(control.get(field)), shown(edge.get(field))));
        for (JsonNode api : edge.get("apiKeys")) {
            boolean has = false;
            for (JsonNode same : control.get("apiKeys")) {
                has |= same.get("apiKey").equals(api.get("apiKey")) && same.get("minVersion").asInt() <= api.get("minVersion").asInt()
                    && same.get("maxVersion").asInt() >= api.get("maxVersion").asInt();
            }
            if (!has) found.add(new Difference("apiKeys[]", "not offered so", shown(api)));
        }
        return found;
    }

    /** The edge shows some keys of a topic: neither where a value comes from nor Kafka's manual. The rest is as at the control. */
    static JsonNode shownConfigs(JsonNode control, JsonNode edge) {
        Set<String> names = new TreeSet<>();
        edge.findValues("configs").forEach(configs -> configs.forEach(config -> names.add(config.get("name").asText())));
        JsonNode kept = control.deepCopy();
        for (JsonNode configs : kept.findValues("configs")) {
            var each = configs.elements();
            while (each.hasNext()) {
                JsonNode config = each.next();
                if (!names.contains(config.get("name").asText())) each.remove();
                if (config.has("synonyms")) ((ObjectNode) config).set("synonyms", Json.a());
                if (config.has("documentation")) ((ObjectNode) config).putNull("documentation");
            }
        }
        return kept;
    }

    /** The answers to members with a pattern, whose epochs count how often the brokers looked: theirs, or Weir once before. */
    static JsonNode withoutEpoch(JsonNode answer) {
        return answer.path("memberEpoch").asInt() > 0 ? ((ObjectNode) answer.deepCopy()).put("memberEpoch", "an epoch") : answer;
    }

    /** An answer with this side's own names replaced. */
    static JsonNode canonical(JsonNode tree, Side side) {
        if (tree instanceof ArrayNode array) {
            ArrayNode out = Json.a();
            array.forEach(item -> out.add(canonical(item, side)));
            return out;
        }
        if (!(tree instanceof ObjectNode object)) return tree;
        ObjectNode out = Json.o();
        boolean isBroker = side.isBroker(object);
        object.properties().forEach(field -> out.set(field.getKey(), canonical(field.getKey(), field.getValue(), isBroker, side)));
        for (String list : List.of("responses", "topics")) {
            if (out.get(list) instanceof ArrayNode topics) out.set(list, merged(topics));
        }
        return out;
    }

    private static JsonNode canonical(String field, JsonNode value, boolean isBroker, Side side) {
        String text = value.asText();
        return switch (field) {
            case "host", "port" -> isBroker ? TextNode.valueOf("this broker's " + field) : value;
            // Without a fixed controller brokers name one of them, another one each time.
            case "controllerId" -> 1 <= value.asInt() && value.asInt() <= side.brokers.size() ? TextNode.valueOf("a broker") : value;
            case "clusterId" -> text.equals(side.cluster) ? TextNode.valueOf("the cluster") : value;
            case "rack" -> side.racks.contains(text) ? Json.o("x", (Object) null).get("x") : value;
            case "topicId" -> TextNode.valueOf(side.common.getOrDefault(text, text));
            // Of the markers that brokers wrote when a transaction ended.
            case "timestamp" -> value.asLong() >= side.begun && value.asLong() <= System.currentTimeMillis() ? TextNode.valueOf("a time of this run") : value;
            case "errorMessage" -> value.isNull() || text.isEmpty() ? value : TextNode.valueOf("some text");
            default -> canonical(value, side);
        };
    }

    /** The partitions of one topic may be told in several pieces. */
    private static ArrayNode merged(ArrayNode topics) {
        var byName = new LinkedHashMap<String, ObjectNode>();
        for (JsonNode topic : topics) {
            if (!topic.has("partitions") || topic.size() > 2) return topics;
            ObjectNode same = byName.putIfAbsent(naming(topic), (ObjectNode) topic);
            if (same != null) ((ArrayNode) same.get("partitions")).addAll((ArrayNode) topic.get("partitions"));
        }
        return Json.list(byName.values());
    }

    private void walk(String path, JsonNode control, JsonNode edge, List<Difference> found) {
        if (control instanceof ObjectNode left && edge instanceof ObjectNode right) {
            Set<String> names = new LinkedHashSet<>();
            left.fieldNames().forEachRemaining(names::add);
            right.fieldNames().forEachRemaining(names::add);
            for (String name : names) {
                String inner = path.isEmpty() ? name : path + "." + name;
                if (!left.has(name) || !right.has(name)) {
                    found.add(new Difference(inner, shown(left.get(name)), shown(right.get(name))));
                } else if (MADE_UP.contains(name)) {
                    if (!partners(name, left.get(name), right.get(name))) {
                        found.add(new Difference(inner, madeUp(left.get(name)), madeUp(right.get(name))));
                    }
                } else {
                    walk(inner, left.get(name), right.get(name), found);
                }
            }
        } else if (control instanceof ArrayNode left && edge instanceof ArrayNode right) {
            lists(path + "[]", left, right, found);
        } else if (!control.equals(edge)) {
            found.add(new Difference(path, shown(control), shown(edge)));
        }
    }

    private void lists(String path, ArrayNode control, ArrayNode edge, List<Difference> found) {
        var left = byName(control);
        var right = byName(edge);
        var names = new TreeSet<>(left.keySet());
        names.addAll(right.keySet());
        for (String name : names) {
            List<JsonNode> those = left.getOrDefault(name, List.of());
            List<JsonNode> these = right.getOrDefault(name, List.of());
            if (those.size() != these.size()) {
                found.add(new Difference(path + " " + name, those.size() + " of it", these.size() + " of it"));
            } else {
                List<JsonNode> facing = facing(those, these);
                for (int i = 0; i < those.size(); i++) walk(path, those.get(i), facing.get(i), found);
            }
        }
    }

    /** Elements that only a made-up name tells apart come in any order: each faces the one whose name is its partner's. */
    private List<JsonNode> facing(List<JsonNode> those, List<JsonNode> these) {
        var left = new ArrayList<>(these);
        var facing = new ArrayList<JsonNode>();
        for (JsonNode that : those) {
            JsonNode found = left.stream().filter(other -> isPartner(that, other)).findFirst().orElse(null);
            left.remove(found);
            facing.add(found);
        }
        var strangers = left.iterator();
        facing.replaceAll(found -> found == null ? strangers.next() : found);
        return facing;
    }

    private boolean isPartner(JsonNode control, JsonNode edge) {
        return MADE_UP.stream().anyMatch(field -> control.has(field) && edge.has(field)
            && edge.get(field).asText().equals(partners.get("control " + field + control.get(field).asText())));
    }

    private static Map<String, List<JsonNode>> byName(ArrayNode list) {
        var found = new LinkedHashMap<String, List<JsonNode>>();
        list.forEach(item -> found.computeIfAbsent(naming(item), name -> new ArrayList<>()).add(item));
        return found;
    }

    private static String naming(JsonNode element) {
        if (!element.isObject()) return element.toString();
        var name = new StringBuilder();
        for (String field : NAMING) {
            if (element.has(field)) name.append(name.isEmpty() ? "" : " ").append(element.get(field).asText());
        }
        return name.toString();
    }

    /** Whether two names that brokers made up are each other's and nobody else's; or are no such names, and equal. */
    private boolean partners(String field, JsonNode control, JsonNode edge) {
        String left = control.asText();
        String right = edge.asText();
        if (control.equals(edge)) return true;
        if (!isMadeUp(left) || !isMadeUp(right)) return false;
        String there = partners.putIfAbsent("control " + field + left, right);
        String back = partners.putIfAbsent("edge " + field + right, left);
        return (there == null || there.equals(right)) && (back == null || back.equals(left));
    }

    /** A session's number; a member's id, which has or is a UUID. */
    private static boolean isMadeUp(String text) {
        return text.matches("[1-9][0-9]*|.*-?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[-_A-Za-z0-9]{22}");
    }

    private static String madeUp(JsonNode value) {
        return isMadeUp(value.asText()) ? "made up" : shown(value);
    }

    private static String shown(JsonNode value) {
        if (value == null) return "absent";
        String text = value.isTextual() || value.isBinary() ? value.asText() : value.toString();
        return text.length() > 200 ? text.substring(0, 200) + "..." : text;
    }
}
