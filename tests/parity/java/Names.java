import java.util.ArrayList;
import java.util.List;

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
    /** Ids of topics that all, some and nobody may read, and of none. Hidden ones are few: each is declared (trap L3). */
    static final List<List<String>> IDS = List.of(
        List.of("$id:open.a"), List.of("$id:open.b", "$id:open.a"), List.of("$id:half.c"), List.of(ABSENT_ID), List.of(ZERO_ID),
        List.of("$id:open.a", ABSENT_ID), List.of("$id:open.a", "$id:open.a"), List.of(ABSENT_ID, ABSENT_ID));

    private Names() {}

    /** Own with offsets, own without, of others with and without, and what is no sound group id. */
    static List<String> groups(String principal) {
        var groups = new ArrayList<>(List.of(principal + ".known", principal + ".none-yet", "else.known", "else.none-yet", ""));
        groups.add(principal.equals("all") ? "some.known" : "all.known");
        groups.addAll(List.of(principal, principal + "x.known", "weir." + principal + ".known", principal.toUpperCase() + ".known"));
        return groups;
    }
}
