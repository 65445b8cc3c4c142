import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

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
    private Parity() {}

    public static void main(String[] args) throws Exception {
        JsonNode plan = Json.MAPPER.readTree(new File(args[0]));
        var verdict = new Verdict(Path.of(plan.get("declared").asText()), plan.get("whole").asBoolean());
        for (JsonNode principal : plan.get("principals")) Names.READS.put(principal.get("name").asText(), texts(principal.get("reads")));
        for (JsonNode places : plan.get("pairs")) {
            try (var pair = new Pair(plan, places, verdict)) {
                pair.run();
            }
        }
        Path out = Path.of(plan.get("out").asText());
        Files.createDirectories(out);
        System.exit(verdict.tell(out.resolve("differences.txt")) ? 0 : 1);
    }

    private static List<String> texts(JsonNode list) {
        var texts = new ArrayList<String>();
        list.forEach(text -> texts.add(text.asText()));
        return texts;
    }
}
