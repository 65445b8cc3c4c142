import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import com.fasterxml.jackson.databind.JsonNode;

/** Sends the steps of scenarios to both sides at once, and has their answers compared. */
final class Runner {
    private static final long SLOW_MS = 4_000;

    private final Side control;
    private final Side edge;
    private final Verdict verdict;
    private final Compare compare = new Compare();
    /** Connections that already carried a request. */
    private final Set<String> used = new HashSet<>();
    /** What was last compared on a connection, to blame when it turns out to be closed. */
    private Step last;

    private record Sent(Step step, int control, int edge) {}

    Runner(Side control, Side edge, Verdict verdict) {
        this.control = control;
        this.edge = edge;
        this.verdict = verdict;
    }

    /** One scenario: its steps in their order. */
    void run(List<Step> steps) throws Exception {
        long start = System.nanoTime();
        var waiting = new ArrayList<Sent>();
        for (Step step : steps) {
            if (step.act() != null) {
                act(step.act());
                continue;
            }
            waiting.add(send(step));
            if (step.pipelined()) continue;
            boolean alone = waiting.size() == 1;
            var closed = new ArrayList<Step>();
            for (Sent sent : waiting) {
                if (!receive(sent, alone)) closed.add(sent.step);
            }
            closed.forEach(this::hangUp);
            waiting.clear();
        }
        for (Step step : steps) {
            if (step.act() == null && !step.connection().equals("shared")) hangUp(step);
        }
        long ms = (System.nanoTime() - start) / 1_000_000;
        if (ms > SLOW_MS) System.err.println("slow: " + ms + " ms: " + steps.get(0).told().substring(0, Math.min(300, steps.get(0).told().length())));
    }

    /** On both sides at once: most acts wait until they are known everywhere. */
    private void act(Step.Act act) throws Exception {
        var there = CompletableFuture.runAsync(() -> {
            try {
                act.on(control);
            } catch (Exception failed) {
                throw new CompletionException(failed);
            }
        });
        act.on(edge);
        there.get();
    }

    private Sent send(Step step) throws IOException {
        return new Sent(step, send(step, control), send(step, edge));
    }

    private static int send(Step step, Side side) throws IOException {
        Link link = side.link(step.principal(), door(step, side), step.connection());
        int correlation = link.nextCorrelation();
        link.send(Messages.request(step.key(), step.version(), correlation, step.principal(), step.body(), side::fill));
        return correlation;
    }

    /** Whether the connection is open on both sides afterwards. */
    private boolean receive(Sent sent, boolean alone) throws IOException {
        Step step = sent.step;
        String connection = step.principal() + ' ' + step.door() + ' ' + step.connection();
        boolean wasUsed = !used.add(connection);
        JsonNode there = answer(step, control, sent.control);
        JsonNode here = answer(step, edge, sent.edge);
        if ((there == null) != (here == null) && wasUsed && alone) {
            // Did this request close it, or the one before?
            hangUp(step);
            Sent again = send(step);
            there = answer(step, control, again.control);
            here = answer(step, edge, again.edge);
            if ((there == null) == (here == null)) {
                verdict.add(last, "-", List.of(new Compare.Difference("(the connection afterwards)", "open or closed", "the other")));
            }
        }
        tell(step, there, here);
        last = step;
        return there != null && here != null;
    }

    /** Of themselves, Kafka tells administrators alone. */
    private static String door(Step step, Side side) {
        return Whoami.isAbout(step.key()) && side.name.equals("control") ? "inside" : step.door();
    }

    private void tell(Step step, JsonNode there, JsonNode here) {
        if (there == null && here == null) {
            verdict.add(step, "closed", List.of());
        } else if (there == null || here == null) {
            String answered = there == null ? "an answer: " + code(here) : "an answer: " + code(there);
            var difference = new Compare.Difference("(the connection)", there == null ? "closed" : answered, here == null ? "closed" : answered);
            verdict.add(step, String.valueOf(there), List.of(difference));
        } else {
            JsonNode left = Compare.canonical(there, control);
            JsonNode right = Compare.canonical(here, edge);
            if (Whoami.isAbout(step.key())) left = Whoami.own(left, step.principal());
            if (step.scenario().equals("pattern")) {
                left = Compare.withoutEpoch(left);
                right = Compare.withoutEpoch(right);
            }
            if (step.key() == 32) left = Compare.shownConfigs(left, right);
            var found = step.key() == 18 ? Compare.offers(left, right) : compare.differences(left, right);
            verdict.add(step, left.toString(), found);
            step.keep().forEach((path, name) -> {
                control.values.put("$" + name, there.at("/" + path));
                edge.values.put("$" + name, here.at("/" + path));
            });
        }
    }

    private static String code(JsonNode answer) {
        return answer.has("errorCode") ? "error " + answer.get("errorCode") : "";
    }

    private static JsonNode answer(Step step, Side side, int correlation) throws IOException {
        byte[] frame;
        try {
            frame = side.link(step.principal(), door(step, side), step.connection()).read();
        } catch (SocketTimeoutException silent) {
            return Json.o("silent", true);
        }
        if (frame == null) return null;
        try {
            return Messages.response(step.key(), step.version(), correlation, frame);
        } catch (IOException | RuntimeException malformed) {
            return Json.o("malformed", String.valueOf(malformed.getMessage()));
        }
    }

    private void hangUp(Step step) {
        used.remove(step.principal() + ' ' + step.door() + ' ' + step.connection());
        control.hangUp(step.principal(), door(step, control), step.connection());
        edge.hangUp(step.principal(), step.door(), step.connection());
    }
}
