//! What is rendered matches what is listed and nothing else, and what runs differently is told.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use regex::Regex;

use super::*;

const CONFIG: &str = "\
listeners:
  - name: public
    bind: 0.0.0.0:9093
    advertise: {sni: {host: kafka.example.org}}
    upstream: public
    tls: {certificate: server.pem, key: server.key, client_ca: clients-ca.pem}
upstreams:
  public:
    bootstrap: [public1.internal:9092, 'public2.internal:9092']
    mirror:
      client: {security.protocol: SSL, ssl.keystore.password: '${file:/etc/weir/mirror.secrets:key}'}
      from:
        codfw: {bootstrap: [kafka1.codfw:9093], prefixes: [codfw.]}
        eqiad: {bootstrap: [kafka1.eqiad:9093], prefixes: [eqiad.]}
shown_cluster_id: example-public
policy: acl
";

fn entry(which: &str) -> String {
    format!(
        "  - stream: a.b\n    {which}\n    description: d\n    schema: s\n    schema_version: 1.0.0\n    \
         cleanup_policy: delete\n    \
         pii: {{verdict: none, by: b, on: 2026-01-01, ticket: T-1}}\n"
    )
}

fn files(config: &str, entries: &[&str], never: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let entries: String = entries.iter().map(|which| entry(which)).collect();
    let acl = dir.path().join("acl");
    fs::create_dir_all(acl.join("principals")).unwrap();
    fs::write(dir.path().join("weir.yaml"), config).unwrap();
    fs::write(acl.join("catalogue.yaml"), format!("streams:\n{entries}")).unwrap();
    fs::write(acl.join("never.yaml"), never).unwrap();
    fs::write(acl.join("tiers.yaml"), "tiers: [{tier: one, connections: 1}]\n").unwrap();
    dir
}

fn try_render(config: &str, entries: &[&str], never: &str) -> Result<Vec<Mirrored>, String> {
    let dir = files(config, entries, never);
    let path = dir.path().join("weir.yaml");
    let rendered = OfflinePolicy::of_config(&path, None).and_then(|read| render("weir.yaml", &read));
    rendered.map_err(|errors| errors.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

const BOTH: &str = "topics: [eqiad.a.b, codfw.a.b]";
const NEVER: &str = "never: [{prefix: __, why: w}, {glob: '*.private.*', why: w}]\n";

const AUTO: &str = "prefix: eqiad.auto.\n    auto: true";

fn rendered() -> Mirrored {
    try_render(CONFIG, &[BOTH, "topics: [eqiad.a-b_c.v1]", AUTO], NEVER).unwrap().remove(0)
}

/// What `DefaultTopicFilter` makes of a list: one expression of all entries, which must match the whole name.
fn copies(list: &str, name: &str) -> bool {
    let joined: Vec<&str> = patterns::entries(list).collect();
    Regex::new(&format!("^(?:{})$", joined.join("|"))).unwrap().is_match(name)
}

fn lines(mirrored: &Mirrored, running: &str) -> Vec<String> {
    drift(mirrored, running).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn a_catalogue_becomes_these_bytes() {
    let mirrored = rendered();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mirror/golden.properties");
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&golden, &mirrored.text).unwrap();
    }
    let written = fs::read_to_string(&golden).unwrap();
    assert!(written == mirrored.text, "{} is not what is rendered; WEIR_BLESS=1 writes it anew", golden.display());
    assert_eq!(rendered().text, mirrored.text);
    assert_eq!(mirrored.not_copied, ["eqiad.auto."]);
}

#[test]
fn java_reads_the_values_that_were_meant() {
    let mirrored = rendered();
    let read = properties::read(&mirrored.text).unwrap();
    assert_eq!(read, mirrored.settings);
    assert_eq!(read["eqiad->public.topics"], "eqiad[.]a-b_c[.]v1,eqiad[.]a[.]b");
    assert_eq!(read["public.ssl.keystore.password"], "${file:/etc/weir/mirror.secrets:key}");
    assert_eq!(read["config.providers"], "file");
}

#[test]
fn what_must_not_be_copied_is_not_a_default_away() {
    let read = properties::read(&rendered().text).unwrap();
    for off in ["heartbeats.replication", "emit.offset-syncs", "emit.heartbeats", "sync.topic.acls"] {
        assert_eq!(read[&format!("{off}.enabled")], "false", "{off}");
    }
    for (name, excluded) in [
        ("__consumer_offsets", true),
        ("eqiad.private.x", true),
        ("mm2-configs.a.internal", true),
        ("eqiad.a.b", false),
    ] {
        assert_eq!(copies(&read["topics.exclude"], name), excluded, "{name}");
    }
}

#[test]
fn a_topic_of_no_source_or_of_two_is_named_with_its_line() {
    let without = CONFIG.replace(", prefixes: [codfw.]", "");
    assert_eq!(
        try_render(&without, &[BOTH], NEVER).unwrap_err(),
        "acl/catalogue.yaml:3:14: codfw and eqiad of `upstreams.public.mirror.from` give the topic `eqiad.a.b`, and \
         both would write into one; let the `prefixes` of only one begin it"
    );
    let other = try_render(CONFIG, &[BOTH, "topics: [esams.a.b]"], NEVER).unwrap_err();
    assert_eq!(
        other,
        "acl/catalogue.yaml:10:14: no source of `upstreams.public.mirror.from` gives the topic `esams.a.b`; add how it \
         begins to the `prefixes` of one"
    );
    let none = try_render(CONFIG, &["topics: [eqiad.a.b]"], NEVER).unwrap_err();
    assert!(none.starts_with("weir.yaml:13:") && none.contains("`codfw` gives none of the topics"), "{none}");
}

#[test]
fn what_mirror_maker_leaves_out_or_renames_is_refused() {
    for name in ["eqiad.team.heartbeats", "eqiad.heartbeats", "eqiad.state.internal", "eqiad.state-internal"] {
        let told = try_render(CONFIG, &[BOTH, &format!("topics: [{name}]")], "never: []\n").unwrap_err();
        assert!(told.contains(&format!("the topic `{name}` cannot be mirrored: MirrorMaker")), "{told}");
    }
}

#[test]
fn tasks_follow_the_topics_within_bounds() {
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("eqiad.t{at:04}")).collect();
        let entries: Vec<String> = names.iter().map(|name| format!("topics: [{name}]")).collect();
        let config = CONFIG.replace("        codfw: {bootstrap: [kafka1.codfw:9093], prefixes: [codfw.]}\n", "");
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let settings = try_render(&config, &entries, NEVER).unwrap().remove(0).settings;
        settings["eqiad->public.tasks.max"].clone()
    };
    assert_eq!([many(1), many(40), many(61), many(500)], ["2", "2", "4", "8"]);
}

#[test]
fn a_mirror_that_runs_as_rendered_has_no_drift() {
    let mirrored = rendered();
    assert_eq!(lines(&mirrored, &mirrored.text), [""; 0]);
    // Another way to write the same.
    let other = mirrored.text.replace("eqiad[.]", "eqiad\\\\.").replace(" = ", ":").replace(",\\\n    ", " , ");
    assert_ne!(other, mirrored.text);
    assert_eq!(lines(&mirrored, &other), [""; 0]);
}

#[test]
fn drift_names_what_should_not_be_copied_first() {
    let mirrored = rendered();
    let running = mirrored
        .text
        .replace("    eqiad[.]a[.]b", "    eqiad.secret,eqiad[.]more,eqiad[.].*")
        .replace("sync.topic.acls.enabled = false", "sync.topic.acls.enabled = true")
        .replace("heartbeats.replication.enabled = false\n", "")
        .replace("${file:/etc/weir/mirror.secrets:key}", "hunter2");
    assert_eq!(
        lines(&mirrored, &running),
        [
            "+ eqiad.secret (eqiad->public): a pattern: it copies every topic that matches, those of tomorrow too",
            "+ eqiad[.].* (eqiad->public): a pattern: it copies every topic that matches, those of tomorrow too",
            "+ eqiad.more (eqiad->public): it copies this topic and must not",
            "- eqiad.a.b (eqiad->public): it does not copy this topic and should",
            "~ heartbeats.replication.enabled: it runs without a value, and `false` is rendered",
            "~ public.ssl.keystore.password: it runs with a value that is not shown, and a value that is not shown is \
             rendered",
            "~ sync.topic.acls.enabled: it runs with `true`, and `false` is rendered",
        ]
    );
}

#[test]
fn hostile_what_stands_behind_a_comments_carriage_return_runs_and_is_told() {
    let mirrored = rendered();
    let running = format!("{}# a note\reqiad->public.topics = .*\n", mirrored.text);
    let told = lines(&mirrored, &running);
    assert!(told[0].starts_with("+ .* (eqiad->public)"), "{told:?}");
}

#[test]
fn hostile_a_terminal_acts_on_nothing_of_what_runs() {
    let mirrored = rendered();
    let running = format!("{}transforms = \\u001b[2J\\u202e\n", mirrored.text);
    assert_eq!(lines(&mirrored, &running), ["~ transforms: it runs with `\\u{1b}[2J\\u{202e}`, and none is rendered"]);
    let alias = serde_json::json!({"connector.class": "MirrorSource", "source.cluster.alias": "\u{1b}[2J"});
    let told = drift(&mirrored, &alias.to_string()).unwrap_err();
    assert!(told.contains("`\\u{1b}[2J`"), "{told}");
}

#[test]
fn only_topics_that_are_missing_and_their_tasks_are_only_less() {
    let mirrored = rendered();
    let is_only_less = |running: &str| {
        let found = drift(&mirrored, running).unwrap();
        assert!(!found.is_empty());
        found.iter().all(Difference::is_only_less)
    };
    let fewer =
        mirrored.text.replace(",\\\n    eqiad[.]a[.]b", "").replace("->public.tasks.max = 2", "->public.tasks.max = 1");
    assert!(is_only_less(&fewer));
    for more in [
        fewer.replace("eqiad[.]a-b_c[.]v1", "eqiad[.]other"),
        fewer.replace("eqiad[.]a-b_c[.]v1", "eqiad[.].*"),
        fewer.replace("__.*", "none"),
        fewer.replace("sync.topic.acls.enabled = false", "sync.topic.acls.enabled = true"),
        format!("{fewer}esams->public.enabled = true\n"),
        format!("{fewer}producer.tasks.maximum = 1\n"),
    ] {
        assert!(!is_only_less(&more), "{more}");
    }
}

#[test]
fn a_list_that_is_not_there_means_every_topic() {
    let mirrored = rendered();
    let at = mirrored.text.find("eqiad->public.topics").unwrap();
    assert_eq!(
        lines(&mirrored, &mirrored.text[..at])[0],
        "+ .* (eqiad->public): a pattern: it copies every topic that matches, those of tomorrow too"
    );
    // Another way in, that nobody rendered.
    let running = format!("{}\nesams->public.enabled = TRUE\n", mirrored.text);
    let told = lines(&mirrored, &running);
    assert!(told[0].starts_with("+ .* (esams->public)"), "{told:?}");
    let running = format!("{}\neqiad->public.topic.filter.class = x.Y\n", mirrored.text);
    assert_eq!(
        lines(&mirrored, &running),
        ["~ eqiad->public.topic.filter.class: it runs with `x.Y`, and none is rendered"]
    );
}

#[test]
fn a_connector_of_connect_is_compared_as_mirror_maker_would_make_it() {
    let mirrored = rendered();
    let good = serde_json::json!({
        "name": "anything",
        "connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector",
        "source.cluster.alias": "eqiad", "target.cluster.alias": "public",
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "header.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "source.cluster.bootstrap.servers": "kafka1.eqiad:9093",
        "source.consumer.allow.auto.create.topics": "false",
        "source.consumer.auto.offset.reset": "earliest",
        "source.consumer.isolation.level": "read_committed",
        "target.cluster.bootstrap.servers": "public1.internal:9092, public2.internal:9092",
        "target.cluster.security.protocol": "SSL",
        "target.cluster.ssl.keystore.password": "${file:/etc/weir/mirror.secrets:key}",
        "producer.override.acks": "all",
        "producer.override.batch.size": "131072",
        "producer.override.compression.type": "gzip",
        "producer.override.enable.idempotence": "true",
        "producer.override.max.in.flight.requests.per.connection": "5",
        "producer.override.max.request.size": "16777216",
        "topics": "eqiad[.]a-b_c[.]v1,eqiad[.]a[.]b",
        "topics.exclude": ".*[.-]internal,.*[.]private[.].*,__.*",
        "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
        "replication.factor": "3",
        "tasks.max": "2",
        "refresh.topics.enabled": "true", "refresh.topics.interval.seconds": "60",
        "sync.topic.configs.enabled": "true", "sync.topic.configs.interval.seconds": "600",
        "sync.topic.acls.enabled": "false", "heartbeats.replication.enabled": "false",
        "emit.offset-syncs.enabled": "false",
        "config.properties.exclude": mirrored.settings["config.properties.exclude"],
    });
    assert_eq!(lines(&mirrored, &good.to_string()), [""; 0]);
    let whole = serde_json::json!({"name": "anything", "config": good, "tasks": []});
    assert_eq!(lines(&mirrored, &whole.to_string()), [""; 0]);
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("topics");
    bad["transforms"] = "rename".into();
    let told = lines(&mirrored, &bad.to_string());
    assert_eq!(told[0], "+ .* (eqiad->public): a pattern: it copies every topic that matches, those of tomorrow too");
    assert!(told.contains(&"~ transforms: it runs with `rename`, and none is rendered".to_owned()), "{told:?}");
    bad["source.cluster.alias"] = "esams".into();
    assert!(drift(&mirrored, &bad.to_string()).unwrap_err().contains("`esams`"));
}

#[test]
fn what_is_no_configuration_of_a_mirror_is_said_to_be_none() {
    let mirrored = rendered();
    for text in ["", "a = b", "{", "{}", "clusters = \\u12", r#"{"connector.class": "FileStreamSinkConnector"}"#] {
        assert!(drift(&mirrored, text).is_err(), "{text}");
    }
}

#[test]
fn properties_are_read_as_java_reads_them() {
    let text = "# c = 1\n ! d\n\n# one\ra=1\nb : 2\nc 3\n\\=d = x\\\\\ne = one, \\\n   # two\nf\ng = \\u00fc\\t\\q\na = 4\nh==\r\n";
    let read = properties::read(text).unwrap();
    let wanted =
        [("=d", "x\\"), ("a", "4"), ("b", "2"), ("c", "3"), ("e", "one, # two"), ("f", ""), ("g", "ü\tq"), ("h", "=")];
    assert_eq!(read, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

proptest! {
    #[test]
    fn every_expression_matches_its_name_and_no_other(
        name in "[a-zA-Z0-9._-]{1,40}",
        other in "[a-zA-Z0-9._-]{1,40}",
        at in 0_usize..40,
    ) {
        let expression = patterns::exactly(&name);
        prop_assert!(copies(&expression, &name));
        prop_assert_eq!(copies(&expression, &other), name == other);
        prop_assert!(!expression.contains([',', ' ', '\\']));
        // Its neighbours: a letter more, less, or in the place of another.
        let (longer, before) = (format!("{name}x"), format!("x{name}"));
        prop_assert!(!copies(&expression, &longer) && !copies(&expression, &before));
        let changed = name.char_indices().map(|(place, letter)| if place == at { 'Q' } else { letter });
        let changed: String = changed.collect();
        prop_assert_eq!(copies(&expression, &changed), changed == name);
        if weir_policy::is_topic_name(&name) {
            prop_assert_eq!(patterns::only_name(&expression), Some(name.clone()));
            let quoted = format!("\\Q{name}\\E");
            prop_assert_eq!(patterns::only_name(&quoted), Some(name));
        }
    }

    #[test]
    fn what_is_taken_for_one_name_matches_no_other(expression in r"[ab.*+?|()\[\]\\QE]{0,9}", name in "[ab.QE]{1,6}") {
        let regex = Regex::new(&format!("^(?:{expression})$"));
        if let (Some(only), Ok(regex)) = (patterns::only_name(&expression), regex) {
            prop_assert_eq!(regex.is_match(&name), only == name, "{}", expression);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        key in "[ -~ü😀]{1,20}",
        value in proptest::collection::vec("[ -~ü😀]{0,20}", 1..4),
    ) {
        prop_assume!(!key.starts_with(' '));
        // An item of several never begins with a blank: Kafka would take it away.
        let value: Vec<String> = value.iter().map(|item| item.trim_start().to_owned()).collect();
        let section = properties::Section { about: "", settings: vec![(key.clone(), value.clone())] };
        let read = properties::read(&properties::write(&[], &[section])).unwrap();
        prop_assert_eq!(read.get(&key), Some(&value.join(",")));
        prop_assert_eq!(read.len(), 1);
    }

    #[test]
    fn hostile_text_is_never_more_than_an_error(text in "(?s).{0,200}") {
        let _ = properties::read(&text);
    }
}
