import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The topics, partitions and groups that cases name; `Setups` in Rust makes those that exist. */
final class Names {
    static final List<String> PRINCIPALS = List.of("all", "some", "none");
    /** No topic of either side has it. */
    static final String ABSENT_ID = "$id:nothing.x";
    static final String ZERO_ID = "AAAAAAAAAAAAAAAAAAAAAA";

    /** Granted to all, to some, to nobody; granted and absent; absent; twice; and what is no topic's name. */
    static final List<List<String>> TOPICS = List.of(
        List.of("open.a"), List.of("open.a", "open.b"), List.of("half.c"), List.of("shut.d"), List.of("nothing.x"), List.of("gone.f"),
        List.of("open.a", "shut.d", "nothing.x", "half.c"), List.of("shut.d", "nothing.x"), List.of("nothing.x", "shut.e", "open.b"),
        List.of("open.a", "open.a"), List.of("shut.d", "shut.d"), List.of("open.a", "shut.d", "open.a", "shut.d"),
        List.of("open.b", "gone.f", "shut.e"), List.of(), List.of("bad name!"), List.of(""), List.of("open.a", ""),
        List.of("x".repeat(250)), List.of("__consumer_offsets"), List.of("OPEN.A"), List.of("."), List.of("open.a "),
        List.of("open"), List.of("open.a.b"), List.of("\u00e4"), List.of("shut.e", "half.c", "open.b", "open.a", "gone.f"));
    /** Those that most variations are crossed with. */
    static final List<List<String>> FEW = List.of(List.of("open.a"), List.of("open.a", "shut.d", "nothing.x", "half.c"), List.of("open.b", "gone.f"));
    static final List<List<Integer>> PARTITIONS = List.of(List.of(0), List.of(0, 1, 2), List.of(99), List.of(0, 0), List.of(-1), List.of(), List.of(1, 77));
    /** Topics by id. */
    static final List<List<String>> BY_ID = List.of(
        List.of("open.a"), List.of("open.b", "open.a"), List.of("half.c"), List.of("nothing.x"), List.of("open.a", "nothing.x"),
        List.of("open.a", "open.a"), List.of("nothing.x", "nothing.x"), List.of("half.c", "open.b", "open.a"));
    /** What each principal may read and is there: `Setups` in Rust has it. */
    static final Map<String, List<String>> READS = new HashMap<>();

    private Names() {}

    /**
     * A topic's id, of one that this principal may read. Of one that it may not, no topic's: Kafka tells hidden ids from
     * those of no topic and Weir does not (trap L3), which is declared, so cases that show it are few.
     */
    static String id(String principal, String topic) {
        return READS.get(principal).contains(topic) ? "$id:" + topic : ABSENT_ID;
    }

    /** Own with offsets, own without, of others with and without, and what is no sound group id. */
    static List<String> groups(String principal) {
        var groups = new ArrayList<>(List.of(principal + ".known", principal + ".none-yet", "else.known", "else.none-yet", ""));
        groups.add(principal.equals("all") ? "some.known" : "all.known");
        groups.addAll(List.of(principal, principal + "x.known", "weir." + principal + ".known", principal.toUpperCase() + ".known"));
        return groups;
    }
}
