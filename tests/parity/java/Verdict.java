import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

/** What was compared, what of it differs, and whether that was declared. */
final class Verdict {
    private static final int TOLD = 40;
    private static final int ENOUGH = 10_000;

    /** `scenario` is that of the one scenario that a declared row is about; empty for a row that is about any request. */
    private record Row(int key, int version, String field, String control, String edge, String scenario) {}

    private static final class Found {
        int count;
        String example;
    }

    private final boolean whole;
    /** Each declared row once for each of its versions, and whether it was met. */
    private final Map<Row, Boolean> declared = new LinkedHashMap<>();
    private final Map<Row, Found> different = new LinkedHashMap<>();
    private final Map<String, Integer> perKey = new LinkedHashMap<>();
    private final Set<Long> seen = new HashSet<>();
    private int lines;
    private int touched;
    private int differing;

    Verdict(Path rows, boolean whole) throws IOException {
        this.whole = whole;
        for (JsonNode row : new YAMLMapper().readTree(rows.toFile()).get("declared")) {
            if (row.get("why").asText().length() < 10) throw new IOException("declared.yaml: a row without a reason: " + row);
            for (JsonNode version : row.get("versions")) {
                declared.put(new Row(row.get("key").asInt(), version.asInt(), row.get("field").asText(),
                    row.get("control").asText(), row.get("edge").asText(), row.path("scenario").asText("")), false);
            }
        }
    }

    /** One pair of answers. */
    void add(Step step, String answer, List<Compare.Difference> differences) {
        boolean isNew = seen.add(hash(step.key() + " " + step.version() + " " + step.principal() + " " + step.body() + answer));
        if (isNew) perKey.merge("key " + step.key(), 1, Integer::sum);
        int open = 0;
        for (var difference : differences) {
            var row = row(step, difference, "");
            if (declared.replace(row, true) != null || declared.replace(row(step, difference, step.scenario()), true) != null) continue;
            open++;
            Found found = different.computeIfAbsent(row, none -> new Found());
            found.count++;
            if (found.example == null) found.example = step.told() + "\n      control: " + answer;
        }
        if (open > 0) differing++;
        else if (!differences.isEmpty() && isNew) touched++;
    }

    private static Row row(Step step, Compare.Difference difference, String scenario) {
        return new Row(step.key(), step.version(), difference.field(), difference.control(), difference.edge(), scenario);
    }

    /** A line of a program that both sides ran. */
    void addLine(String line) {
        lines++;
        System.out.println("   both: " + line);
    }

    /** Something other than an answer. */
    void addOther(String what, String control, String edge) {
        differing++;
        Found found = different.computeIfAbsent(new Row(-1, -1, what, control, edge, ""), none -> new Found());
        found.count++;
        found.example = what;
    }

    /** Prints the verdict; whether it is a good one. */
    boolean tell(Path out) throws IOException {
        var rows = new ArrayList<>(different.entrySet());
        rows.sort(Comparator.comparing(row -> -row.getValue().count));
        var text = new StringBuilder();
        int told = 0;
        for (var row : rows) {
            String one = "DIFFERENT " + row.getValue().count + " times: key " + row.getKey().key + " v" + row.getKey().version
                + " " + row.getKey().field + ": control " + row.getKey().control + ", edge " + row.getKey().edge
                + "\n   e.g. " + row.getValue().example + "\n";
            text.append(one);
            if (told++ < TOLD) System.out.print(one);
        }
        if (told > TOLD) System.out.println("... and " + (told - TOLD) + " more kinds of difference");
        Files.writeString(out, text);
        System.out.println("compared by key: " + perKey + ", lines of programs: " + lines);
        boolean good = differing == 0;
        if (whole) good &= isWhole();
        System.out.println("parity: " + seen.size() + " compared, " + touched + " declared, " + differing + " different");
        return good;
    }

    private boolean isWhole() {
        boolean good = true;
        for (var row : declared.entrySet()) {
            if (row.getValue()) continue;
            good = false;
            System.out.println("UNUSED: declared.yaml declares what no answer shows: " + row.getKey());
        }
        if (seen.size() < ENOUGH) {
            good = false;
            System.out.println("TOO FEW: " + seen.size() + " pairs, and " + ENOUGH + " are wanted");
        }
        if (touched * 100L >= seen.size()) {
            good = false;
            System.out.println("TOO MANY: the declared rows touch " + touched + " pairs of " + seen.size() + ", one in a hundred or more");
        }
        return good;
    }

    /** FNV-1a. */
    private static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        return hash;
    }
}
