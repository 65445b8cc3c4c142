//! What is refused of a mirror, in the words that an operator reads.

use std::num::NonZeroUsize;
use std::path::Path;

use super::super::document::EXAMPLE;
use super::super::{Machine, read};
use super::*;

/// The example with this under `mirror:`, from line 11 on.
fn parse(mirror: &str) -> Result<Mirror, Vec<String>> {
    let mut text = String::new();
    for line in mirror.lines() {
        text.push_str("      ");
        text.push_str(line);
        text.push('\n');
    }
    let whole = format!("  main:\n    bootstrap: [kafka1.internal:9092]\n    mirror:\n{text}");
    let old = "  main: {bootstrap: [kafka1.internal:9092, kafka2.internal:9092]}\n";
    assert!(EXAMPLE.contains(old));
    let machine = Machine { cores: NonZeroUsize::MIN, descriptors: 1 << 20 };
    let lines = |errors: weir_policy::ConfigErrors| errors.to_string().lines().map(str::to_owned).collect();
    let (config, problems) = read(Path::new("weir.yaml"), &EXAMPLE.replace(old, &whole), machine).map_err(lines)?;
    if problems.is_empty() {
        Ok(config.upstreams["main"].mirror.clone().unwrap())
    } else {
        Err(lines(problems.into_errors()))
    }
}

#[track_caller]
fn refused(mirror: &str, problems: &[&str]) {
    assert_eq!(parse(mirror).unwrap_err(), problems.iter().map(|line| format!("weir.yaml:{line}")).collect::<Vec<_>>());
}

#[test]
fn the_least_that_works_has_these_defaults() {
    let mirror = parse("from: {eqiad: {bootstrap: [kafka1.eqiad:9093]}}").unwrap();
    assert_eq!(mirror.bootstrap, [("kafka1.internal".to_owned(), 9092)]);
    assert_eq!(mirror.replication_factor, 3);
    let source = &mirror.from["eqiad"];
    assert_eq!((source.tasks, source.prefixes.is_none(), source.selects("any.topic")), (None, true, true));
}

#[test]
fn its_own_listener_and_prefixes_hold() {
    let from = "from: {eqiad: {bootstrap: [k:1], prefixes: [eqiad.], tasks: 5}}";
    let mirror = parse(&format!("{from}\nbootstrap: [public1:9095]\nreplication_factor: 1")).unwrap();
    assert_eq!((mirror.bootstrap, mirror.replication_factor), (vec![("public1".to_owned(), 9095)], 1));
    let source = &mirror.from["eqiad"];
    assert!(source.selects("eqiad.a") && !source.selects("codfw.a"));
    assert_eq!(source.tasks, Some(5));
}

#[test]
fn what_is_no_mirror_is_named_with_its_line() {
    refused("from: {}", &["11:13: `from` names no cluster; add one: a name of your own, and `bootstrap:` under it"]);
    refused(
        "from:\n  main: {bootstrap: []}\nreplication_factor: 0",
        &[
            "12:15: `main` is the cluster that is filled, and one that fills it; give the source a name of its own",
            "12:27: `bootstrap` is empty; write HOST:PORT of a broker, like kafka1.example.org:9092",
            "13:27: `replication_factor` is 0; write a number from 1 to 100",
        ],
    );
    refused(
        "from:\n  eqiad: {bootstrap: ['k:1'], prefixes: [], tasks: 0}\n  'a.b': {bootstrap: ['k:1'], prefixes: ['a*']}",
        &[
            "12:47: `prefixes` is empty; write how the topics begin, or leave it out for all",
            "12:58: `tasks` is 0; write a number from 1 to 1000",
            "13:16: `a.b` is not a name; write 1 to 63 of a-z, 0-9 and -",
            "13:48: `a*` begins no topic name; write 1 to 249 letters, digits, dots, underscores or dashes",
        ],
    );
}

#[test]
fn a_name_that_mirror_maker_would_read_as_its_own_is_refused() {
    refused(
        "from:\n  topics: {bootstrap: ['k:1']}",
        &["12:17: `topics` begins properties of MirrorMaker's own; give the cluster another name"],
    );
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_not_shown() {
    for secret in [
        "hunter2",
        "${file:/x}hunter2",
        "hunter2${file:/x:y}",
        "${vault:hunter2:y}",
        "${hunter2}",
        "${env:A}${env:hunter2}",
    ] {
        for property in
            ["ssl.keystore.password", "sasl.jaas.config", "ssl.keystore.key", "sasl.oauthbearer.client.secret"]
        {
            let told = parse(&format!("from: {{eqiad: {{bootstrap: ['k:1']}}}}\nclient: {{{property}: '{secret}'}}"))
                .unwrap_err();
            assert!(told[0].contains(property) && told[0].contains("${file:FILE:KEY}"), "{told:?}");
            assert!(!told.concat().contains("hunter2"), "{told:?}");
        }
    }
    let good = "from: {eqiad: {bootstrap: ['k:1']}}\n\
                client: {sasl.jaas.config: '${file:/etc/mirror.secrets:jaas}', sasl.mechanism: PLAIN}";
    assert_eq!(parse(good).unwrap().client["sasl.mechanism"], "PLAIN");
}

#[test]
fn a_reference_that_would_be_taken_for_the_secret_itself_is_refused() {
    let of = |secret: &str| {
        parse(&format!("from: {{eqiad: {{bootstrap: ['k:1']}}}}\nclient: {{ssl.keystore.password: '{secret}'}}"))
    };
    for secret in
        ["${file:/x}", "${file::y}", "${file:/x:}", "${directory:/x}", "${env:}", "${env:A:B}", "${file:/x:y:z}"]
    {
        let told = of(secret).unwrap_err();
        assert!(told[0].contains("lacks a part; write a reference: ${file:FILE:KEY}"), "{secret}: {told:?}");
    }
    assert!(of("${env:A}").is_ok() && of("${directory:/x:y}").is_ok());
}

#[test]
fn a_cluster_that_fills_itself_is_refused() {
    let problem = |place: &str| {
        format!(
            "{place}: `eqiad` and `main` are one cluster: each record would be copied again and again; write the brokers of the \
             cluster that the topics come from"
        )
    };
    refused("from:\n  eqiad: {bootstrap: ['kafka1.internal:9092']}", &[&problem("12:16")]);
    refused("from:\n  eqiad: {bootstrap: ['k:1']}\nbootstrap: ['k:1']", &[&problem("12:16")]);
}

#[test]
fn properties_that_decide_what_is_copied_are_weirs() {
    let of_source =
        |property: &str| parse(&format!("from: {{eqiad: {{bootstrap: ['k:1'], client: {{{property}: x}}}}}}"));
    let of_target =
        |property: &str| parse(&format!("from: {{eqiad: {{bootstrap: ['k:1']}}}}\nclient: {{{property}: x}}"));
    for property in
        ["consumer.isolation.level", "consumer.bootstrap.servers", "admin.bootstrap.servers", "bootstrap.servers"]
    {
        let told = of_source(property).unwrap_err();
        assert!(told[0].contains("decides what is copied and how"), "{told:?}");
    }
    for property in ["topics", "topic.filter.class", "enabled", "producer.acks.x y", "offset.storage.topic"] {
        assert!(of_source(property).is_err() && of_target(property).is_err(), "{property}");
    }
    assert!(of_target("producer.acks").is_err() && of_target("consumer.max.poll.records").is_err());
    assert!(of_source("consumer.max.poll.records").is_ok() && of_source("producer.linger.ms").is_err());
    assert!(of_target("producer.linger.ms").is_ok());
}

#[test]
fn the_catalogue_answers_for_how_a_topic_is_cleaned_up() {
    let text = |setting: &str| {
        format!("from: {{eqiad: {{bootstrap: ['k:1']}}}}\nown_topic_settings: [retention.ms, {setting}]")
    };
    assert_eq!(parse(&text("max.message.bytes")).unwrap().own_topic_settings, ["max.message.bytes", "retention.ms"]);
    refused(
        &text("cleanup.policy"),
        &["12:42: `cleanup.policy` must follow the source: the catalogue says what it is; remove it here"],
    );
    assert!(parse(&text("'.*'")).is_err());
}
