import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Short ways to write JSON trees: the form of requests before they are encoded, and of answers once they are decoded. */
final class Json {
    static final ObjectMapper MAPPER = new ObjectMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private Json() {}

    /** An object of name, value, name, value... */
    static ObjectNode o(Object... pairs) {
        ObjectNode object = NODES.objectNode();
        for (int i = 0; i < pairs.length; i += 2) object.set((String) pairs[i], value(pairs[i + 1]));
        return object;
    }

    static ArrayNode a(Object... values) {
        return list(List.of(values));
    }

    static ArrayNode list(Iterable<?> values) {
        ArrayNode array = NODES.arrayNode();
        for (Object value : values) array.add(value(value));
        return array;
    }

    /** An object with some fields of another one changed. */
    static ObjectNode with(ObjectNode before, Object... pairs) {
        ObjectNode changed = before.deepCopy();
        changed.setAll(o(pairs));
        return changed;
    }

    private static JsonNode value(Object value) {
        if (value == null) return NullNode.getInstance();
        if (value instanceof JsonNode node) return node;
        if (value instanceof String text) return NODES.textNode(text);
        if (value instanceof Boolean flag) return NODES.booleanNode(flag);
        if (value instanceof Long number) return NODES.numberNode(number);
        if (value instanceof Integer number) return NODES.numberNode(number);
        if (value instanceof byte[] bytes) return NODES.binaryNode(bytes);
        if (value instanceof Iterable<?> values) return list(values);
        throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
}
