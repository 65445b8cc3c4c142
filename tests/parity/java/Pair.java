import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;

/** A control and its edge, from the first topic to what is left behind on both. */
final class Pair implements AutoCloseable {
    private static final short API_VERSIONS = 18;
    /** Of the cases of a run that does not have all, one in this many is a scenario, as long as there are any. */
    private static final int SCENARIOS = 20;
    private static final ExecutorService PROGRAMS = Executors.newCachedThreadPool(work -> {
        var thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    });

    private final long start = System.nanoTime();
    private final JsonNode plan;
    private final Verdict verdict;
    private final Side control;
    /** Through a Weir that has groups written out with their prefix; null where it is not asked for. */
    private final Side prefixed;
    /** Through a Weir whose namespaces are not seen; null where it is not asked for. */
    private final Side plain;

    private interface Task {
        void run() throws Exception;
    }

    Pair(JsonNode plan, JsonNode places, Verdict verdict) throws IOException {
        this.plan = plan;
        this.verdict = verdict;
        control = new Side("control", places.get("control"), plan.get("principals"));
        prefixed = places.get("prefixed").isNull() ? null : new Side("edge", places.get("prefixed"), plan.get("principals"));
        plain = places.get("plain").isNull() ? null : new Side("plain edge", places.get("plain"), plan.get("principals"));
    }

    void run() throws Exception {
        tell("%d brokers on each side", control.brokers.size());
        Stage.authorize(control, plan);
        Side edge = prefixed == null ? plain : prefixed;
        both(() -> Stage.set(control, plan), () -> Stage.set(edge, plan));
        for (Side side : List.of(control, edge)) {
            side.learnTopic("nothing.x", "bm90aGluZy14LW5vdGhpbg");
            side.learnTopic("gone.f", "Z29uZS1mLWdvbmUtZi1nbw");
        }
        if (prefixed != null) {
            awaitTopics(prefixed);
            requests();
        }
        if (plan.get("traces").asBoolean()) {
            if (prefixed != null) programs(prefixed, false);
            if (plain != null) {
                awaitTopics(plain);
                programs(plain, true);
            }
        }
        compareLeft(edge);
        tell("done");
    }

    private void requests() throws Exception {
        var offered = advertised();
        var cases = Cases.all(offered);
        var scenarios = Scenarios.all(offered);
        int brokers = control.brokers.size();
        var random = new Random(plan.get("seed").asLong());
        if (brokers > 1) {
            cases = Spread.cases(cases, brokers, random);
            scenarios = Spread.scenarios(scenarios, brokers);
        }
        if (!plan.get("cases").isNull()) {
            int count = plan.get("cases").asInt();
            scenarios = Cases.some(scenarios, count / SCENARIOS, random);
            cases = Cases.some(cases, count - scenarios.size(), random);
        }
        tell("%d cases and %d scenarios", cases.size(), scenarios.size());
        var runner = new Runner(control, prefixed, verdict);
        int key = -1;
        for (List<Step> steps : cases) {
            if (steps.get(0).key() != key && cases.size() > 10_000) tell("key %d", steps.get(0).key());
            key = steps.get(0).key();
            runner.run(steps);
        }
        tell("cases done");
        for (List<Step> steps : scenarios) runner.run(steps);
        tell("scenarios done");
    }

    private void tell(String form, Object... values) {
        System.out.printf("%6.1f s: %s%n", (System.nanoTime() - start) / 1e9, String.format(form, values));
    }

    private static void both(Task there, Task here) throws Exception {
        var other = CompletableFuture.runAsync(() -> quietly(there));
        here.run();
        other.get();
    }

    private static void quietly(Task task) {
        try {
            task.run();
        } catch (Exception failed) {
            throw new CompletionException(failed);
        }
    }

    /** Until the edge knows every topic that its first principal may read, as it is on the brokers. */
    private void awaitTopics(Side edge) throws IOException, InterruptedException {
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
    private Map<Integer, int[]> advertised() throws IOException {
        JsonNode answer = ask(prefixed, API_VERSIONS, (short) 3, Json.o("clientSoftwareName", "parity", "clientSoftwareVersion", "1"));
        var advertised = new TreeMap<Integer, int[]>();
        var keys = new ArrayList<Integer>();
        plan.get("keys").forEach(key -> keys.add(key.asInt()));
        for (JsonNode api : answer.get("apiKeys")) {
            int key = api.get("apiKey").asInt();
            if (keys.isEmpty() || keys.contains(key)) advertised.put(key, new int[] {api.get("minVersion").asInt(), api.get("maxVersion").asInt()});
        }
        return advertised;
    }

    private static JsonNode ask(Side edge, short key, short version, JsonNode body) throws IOException {
        Link link = edge.link("all", "1", "asking");
        int correlation = link.nextCorrelation();
        link.send(Messages.request(key, version, correlation, "all", body, edge::fill));
        return Messages.response(key, version, correlation, link.read());
    }

    /** The same programs on both sides, all principals at the same time. */
    private void programs(Side edge, boolean isPlain) throws Exception {
        var running = new LinkedHashMap<String, CompletableFuture<List<List<String>>>>();
        for (JsonNode principal : plan.get("principals")) {
            String name = principal.get("name").asText();
            String prefix = name + (isPlain ? ".plain." : ".");
            // Where namespaces are not seen, a name that somebody else uses is as good as any.
            String foreign = isPlain ? prefix + "else.known" : "else.known";
            var there = CompletableFuture.supplyAsync(() -> Traces.run(control, principal, prefix, foreign), PROGRAMS);
            var here = CompletableFuture.supplyAsync(() -> Traces.run(edge, principal, isPlain ? "" : prefix, "else.known"), PROGRAMS);
            running.put(name, there.thenCombine(here, List::of));
        }
        for (var entry : running.entrySet()) {
            List<List<String>> told = entry.getValue().get();
            for (int i = 0; i < Math.max(told.get(0).size(), told.get(1).size()); i++) {
                String left = i < told.get(0).size() ? told.get(0).get(i) : "nothing";
                String right = i < told.get(1).size() ? told.get(1).get(i) : "nothing";
                verdict.addLine(entry.getKey() + " " + left);
                if (!left.equals(right)) verdict.addOther("a program of " + entry.getKey() + " at the " + edge.name, left, right);
            }
        }
        tell("programs at the %s", edge.name);
    }

    private void compareLeft(Side edge) throws Exception {
        var there = Stage.left(control);
        var here = new TreeMap<String, String>();
        // A hidden namespace stands at the brokers; at the control programs wrote a prefix in its place.
        Stage.left(edge).forEach((what, state) -> here.put(what.replaceFirst("^group weir\\.([a-z]+)\\.", "group $1.plain."), state));
        var names = new TreeSet<>(there.keySet());
        names.addAll(here.keySet());
        tell("%d topics, groups and offsets are left behind on the brokers", names.size());
        for (String name : names) {
            String left = there.getOrDefault(name, "absent");
            String right = here.getOrDefault(name, "absent");
            if (!left.equals(right)) verdict.addOther("left behind: " + name, left, right);
        }
    }

    @Override
    public void close() {
        for (Side side : new Side[] {control, prefixed, plain}) {
            if (side != null) side.close();
        }
    }
}
