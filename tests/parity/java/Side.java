import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

import javax.net.ssl.SSLContext;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.security.ssl.DefaultSslEngineFactory;

/** One of the two set-ups: where it is, what its own names are, and the connections to it. */
final class Side implements AutoCloseable {
    final String name;
    final String plaintext;
    final String bootstrap;
    /** The address of each broker as clients are shown it; ids count from 1. */
    final List<String> brokers = new ArrayList<>();
    final Set<String> racks = new HashSet<>();
    final String cluster;
    /** When this run began, by the clock. */
    final long begun = System.currentTimeMillis();
    final Admin admin;
    /** Names that this side made up itself: `$id:TOPIC`, and what a scenario keeps. */
    final Map<String, JsonNode> values = new HashMap<>();
    /** From this side's own names to those of both. */
    final Map<String, String> common = new HashMap<>();

    private final Map<String, SSLContext> contexts = new HashMap<>();
    private final Map<String, Link> links = new HashMap<>();

    Side(String name, JsonNode plan, JsonNode principals) throws IOException {
        this.name = name;
        plaintext = plan.get("plaintext").get(0).asText();
        bootstrap = plan.get("bootstrap").asText();
        plan.get("brokers").forEach(address -> brokers.add(address.asText()));
        plan.get("racks").forEach(rack -> racks.add(rack.asText()));
        cluster = plan.get("cluster").asText();
        var properties = new Properties();
        properties.put("bootstrap.servers", plaintext);
        admin = Admin.create(properties);
        for (JsonNode principal : principals) contexts.put(principal.get("name").asText(), context(principal));
    }

    private static SSLContext context(JsonNode principal) throws IOException {
        try (var factory = new DefaultSslEngineFactory()) {
            var settings = new HashMap<String, String>();
            settings.put("ssl.keystore.type", "PEM");
            settings.put("ssl.truststore.type", "PEM");
            settings.put("ssl.keystore.location", principal.get("key").asText());
            settings.put("ssl.truststore.location", principal.get("ca").asText());
            var known = new ConfigDef();
            SslConfigs.addClientSslSupport(known);
            factory.configure(known.parse(settings));
            return factory.sslContext();
        }
    }

    /** Whether this is what clients must be shown of a broker: its id with its address. */
    boolean isBroker(JsonNode node) {
        int id = node.path(node.has("nodeId") ? "nodeId" : "brokerId").asInt(-1);
        return 1 <= id && id <= brokers.size() && brokers.get(id - 1).equals(node.path("host").asText() + ':' + node.path("port").asText());
    }

    /** The connection of this name, opened where there is none. */
    Link link(String principal, String door, String connection) throws IOException {
        String key = principal + ' ' + door + ' ' + connection;
        Link open = links.get(key);
        if (open == null) {
            open = switch (door) {
                case "inside" -> new Link(null, plaintext);
                case "bootstrap" -> new Link(contexts.get(principal), bootstrap);
                default -> new Link(contexts.get(principal), brokers.get(Integer.parseInt(door) - 1));
            };
            links.put(key, open);
        }
        return open;
    }

    void hangUp(String principal, String door, String connection) {
        Link open = links.remove(principal + ' ' + door + ' ' + connection);
        if (open != null) open.close();
    }

    /** What stands for a text in a request: itself, unless it begins with `$`. */
    JsonNode fill(JsonNode text) {
        if (!text.asText().startsWith("$")) return text;
        JsonNode value = values.get(text.asText());
        if (value == null) throw new IllegalStateException(name + " has no " + text);
        return value;
    }

    /** A topic's id, under the name that both sides share. */
    void learnTopic(String topic, String id) {
        values.put("$id:" + topic, TextNode.valueOf(id));
        common.put(id, "id of " + topic);
    }

    @Override
    public void close() {
        links.values().forEach(Link::close);
        admin.close(java.time.Duration.ofSeconds(1));
    }
}
