import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Sends the same requests to Kafka's own authorizer and to Weir, and compares the answers.
 *
 *   java -cp 'CLASSES:JARS/*' Parity PLAN.json
 *
 * The plan is written by `tests/parity/src`. The last line says how many pairs were compared; the status, whether all
 * of them are equal or declared.
 */
public final class Parity {
    private static final short API_VERSIONS = 18;

    /** Of the cases of a run that does not have all, one in this many is a scenario, as long as there are any. */
    private static final int SCENARIOS = 20;

    private Parity() {}

    public static void main(String[] args) throws Exception {
        JsonNode plan = Json.MAPPER.readTree(new File(args[0]));
        boolean good;
        try (var control = new Side("control", plan.get("control"), plan.get("principals"));
             var edge = new Side("edge", plan.get("edge"), plan.get("principals"))) {
            good = run(plan, control, edge);
        }
        System.exit(good ? 0 : 1);
    }

    private static boolean run(JsonNode plan, Side control, Side edge) throws Exception {
        long start = System.nanoTime();
        boolean whole = plan.get("cases").isNull() && plan.get("keys").isEmpty();
        var verdict = new Verdict(Path.of(plan.get("declared").asText()), whole);
        for (JsonNode principal : plan.get("principals")) Names.READS.put(principal.get("name").asText(), texts(principal.get("reads")));
        Stage.authorize(control, plan);
        var other = new Thread(() -> set(control, plan));
        other.start();
        set(edge, plan);
        other.join();
        for (Side side : List.of(control, edge)) {
            side.learnTopic("nothing.x", "bm90aGluZy14LW5vdGhpbg");
            side.learnTopic("gone.f", "Z29uZS1mLWdvbmUtZi1nbw");
        }
        awaitTopics(edge, plan);
        var offered = advertised(edge, plan.get("keys"));
        var cases = Cases.all(offered);
        var scenarios = Scenarios.all(offered);
        if (!plan.get("cases").isNull()) {
            var random = new Random(plan.get("seed").asLong());
            int count = plan.get("cases").asInt();
            scenarios = Cases.some(scenarios, count / SCENARIOS, random);
            cases = Cases.some(cases, count - scenarios.size(), random);
        }
        cases.addAll(scenarios);
        System.out.printf("%d cases, after %.1f s%n", cases.size(), seconds(start));
        var runner = new Runner(control, edge, verdict);
        int key = -1;
        for (List<Step> steps : cases) {
            if (steps.get(0).key() != key && whole) {
                key = steps.get(0).key();
                System.out.printf("key %d, after %.1f s%n", key, seconds(start));
            }
            runner.run(steps);
        }
        if (plan.path("traces").asBoolean()) {
            for (JsonNode principal : plan.get("principals")) compareTraces(principal, control, edge, verdict);
            System.out.printf("programs done, after %.1f s%n", seconds(start));
        }
        compareLeft(control, edge, verdict);
        System.out.printf("done after %.1f s%n", seconds(start));
        Path out = Path.of(plan.get("out").asText());
        Files.createDirectories(out);
        return verdict.tell(out.resolve("differences.txt"));
    }

    private static List<String> texts(JsonNode list) {
        var texts = new ArrayList<String>();
        list.forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }

    private static void set(Side side, JsonNode plan) {
        try {
            Stage.set(side, plan);
        } catch (Exception failed) {
            throw new IllegalStateException("setting up " + side.name, failed);
        }
    }

    /** Until the edge knows every topic that its first principal may read, as it is on the brokers. */
    private static void awaitTopics(Side edge, JsonNode plan) throws IOException, InterruptedException {
        var wanted = new ArrayList<String>();
        plan.get("topics").forEach(topic -> wanted.add(topic.get("name").asText()));
        wanted.retainAll(Names.READS.get("all"));
        long end = System.nanoTime() + 20_000_000_000L;
        while (true) {
            JsonNode answer = ask(edge, (short) 3, (short) 9, Json.o("topics", null));
            var seen = new TreeSet<String>();
            answer.get("topics").forEach(topic -> seen.add(topic.get("name").asText()));
            if (seen.containsAll(wanted)) return;
            if (System.nanoTime() > end) throw new IllegalStateException("the edge shows " + seen + " and not " + wanted);
            Thread.sleep(100);
        }
    }

    /** What the edge offers: nothing here is kept by hand. */
    private static Map<Integer, int[]> advertised(Side edge, JsonNode only) throws IOException {
        JsonNode answer = ask(edge, API_VERSIONS, (short) 3, Json.o("clientSoftwareName", "parity", "clientSoftwareVersion", "1"));
        var advertised = new TreeMap<Integer, int[]>();
        var keys = new ArrayList<Integer>();
        only.forEach(key -> keys.add(key.asInt()));
        for (JsonNode api : answer.get("apiKeys")) {
            int key = api.get("apiKey").asInt();
            if (keys.isEmpty() || keys.contains(key)) advertised.put(key, new int[] {api.get("minVersion").asInt(), api.get("maxVersion").asInt()});
        }
        return advertised;
    }

    private static JsonNode ask(Side edge, short key, short version, JsonNode body) throws IOException {
        Link link = edge.link("all", "broker", "asking");
        int correlation = link.nextCorrelation();
        link.send(Messages.request(key, version, correlation, "all", body, edge::fill));
        return Messages.response(key, version, correlation, link.read());
    }

    /** The same programs on both sides at the same time. */
    private static void compareTraces(JsonNode principal, Side control, Side edge, Verdict verdict) throws InterruptedException {
        String name = principal.get("name").asText();
        var there = new ArrayList<String>();
        var thread = new Thread(() -> there.addAll(Traces.run(control, principal, name + ".")));
        thread.start();
        List<String> here = Traces.run(edge, principal, name + ".");
        thread.join();
        for (int i = 0; i < Math.max(there.size(), here.size()); i++) {
            String left = i < there.size() ? there.get(i) : "nothing";
            String right = i < here.size() ? here.get(i) : "nothing";
            verdict.addLine(name + " " + left);
            if (!left.equals(right)) verdict.addOther("a program of " + name, left, right);
        }
    }

    private static void compareLeft(Side control, Side edge, Verdict verdict) throws Exception {
        var there = Stage.left(control);
        var here = Stage.left(edge);
        var names = new TreeSet<>(there.keySet());
        names.addAll(here.keySet());
        System.out.println(names.size() + " topics, groups and offsets are left behind on the brokers");
        for (String name : names) {
            String left = there.getOrDefault(name, "absent");
            String right = here.getOrDefault(name, "absent");
            if (!left.equals(right)) verdict.addOther("left behind: " + name, left, right);
        }
    }
}
