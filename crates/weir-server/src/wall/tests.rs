//! What is rendered of a small policy, word for word where a word more would be a right more.

use super::{Wall, WallError, WallFile, WallOptions};
use crate::snapshot::OfflinePolicy;
use crate::snapshot::fixture::Fixture;

/// A cluster with a certificate for Weir and one for the tier `tool`.
fn fixture(identities: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.client("weir").write(&fixture.path(""), "weir").unwrap();
    fixture.client("O'Neil, \"tools\"").write(&fixture.path(""), "weir-tool").unwrap();
    fixture.grant("tool", "a.topic");
    let tls = format!("tls: {{ca: servers-ca.pem, certificate: weir.pem, key: weir.key, identities: {identities}}}");
    fixture.configure("bootstrap: ['127.0.0.1:9092']", &format!("bootstrap: ['127.0.0.1:9092'], {tls}"));
    fixture
}

const OF_TOOL: &str = "{tool: {certificate: weir-tool.pem, key: weir-tool.key}}";

fn render(fixture: &Fixture, options: WallOptions) -> Result<Vec<WallFile>, WallError> {
    let read = OfflinePolicy::of_config(&fixture.path("weir.yaml"), None).unwrap();
    let listener = if options.listener.is_empty() { "WEIR".to_owned() } else { options.listener.clone() };
    let options = WallOptions { listener, ..options };
    Wall::new(read.config.as_ref().unwrap(), &read.policy, &options).map(|wall| wall.files())
}

#[track_caller]
fn text(files: &[WallFile], name: &str) -> String {
    files.iter().find(|file| file.name == name).map(|file| file.text.clone()).unwrap()
}

/// The commands, each on one line.
fn commands(text: &str, verb: &str) -> Vec<String> {
    let joined = text.replace(" \\\n   ", "");
    joined.lines().filter(|line| line.starts_with(&format!("{verb} "))).map(str::to_owned).collect()
}

#[test]
fn one_identity_sees_and_reads_the_catalogue_and_has_weirs_groups_and_nothing_else() {
    let files = render(&fixture("{}"), WallOptions::default()).unwrap();
    assert_eq!(
        files.iter().map(|file| (file.name, file.is_program)).collect::<Vec<_>>(),
        [("server.properties", false), ("acls.sh", true), ("quotas.sh", true),]
    );
    assert_eq!(
        commands(&text(&files, "acls.sh"), "allow"),
        [
            "allow 'User:CN=weir' --operation Describe --operation Read --topic 'a.topic'",
            "allow 'User:CN=weir' --operation Delete --operation Describe --operation Read --resource-pattern-type prefixed \
         --group 'weir.'",
        ]
    );
    // For one principal and the next: twice 2 MB/s and a tenth of 10 MB; twice 500/s and a tenth of 2,000, and Weir's own.
    assert_eq!(
        commands(&text(&files, "quotas.sh"), "quota"),
        ["quota 'CN=weir' --add-config consumer_byte_rate=12000000,request_percentage=392",]
    );
}

#[test]
fn a_certificate_that_serves_no_tier_only_sees_and_a_tiers_name_is_one_word_of_the_shell() {
    let files = render(&fixture(OF_TOOL), WallOptions::default()).unwrap();
    assert_eq!(
        commands(&text(&files, "acls.sh"), "allow"),
        [
            "allow 'User:CN=O'\\''Neil\\, \\\"tools\\\"' --operation Describe --operation Read --topic 'a.topic'",
            "allow 'User:CN=O'\\''Neil\\, \\\"tools\\\"' --operation Delete --operation Describe --operation Read \
         --resource-pattern-type prefixed --group 'weir.'",
            "allow 'User:CN=weir' --operation Describe --topic 'a.topic'",
            "allow 'User:CN=weir' --operation Describe --resource-pattern-type prefixed --group 'weir.'",
        ]
    );
    let quotas = commands(&text(&files, "quotas.sh"), "quota");
    assert_eq!(quotas[1..], ["quota 'CN=weir' --add-config request_percentage=100"]);
}

#[test]
fn users_may_be_named_as_the_brokers_name_them() {
    let fixture = fixture(OF_TOOL);
    let named = |users: &[&str]| {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        render(&fixture, WallOptions { users, ..WallOptions::default() })
    };
    let acls = text(&named(&["tool=weir-tool", "CN=weir,O=Edge"]).unwrap(), "acls.sh");
    assert!(
        acls.contains("allow 'User:weir-tool' --operation") && acls.contains("allow 'User:CN=weir,O=Edge' "),
        "{acls}"
    );
    // A name that begins like a tier.
    let acls = text(&named(&["User:tool=weir"]).unwrap(), "acls.sh");
    assert!(acls.contains("allow 'User:tool=weir' --operation"), "{acls}");
    assert_eq!(named(&["a", "User:b"]), Err(WallError::UserTwice("Weir".to_owned())));
    assert_eq!(named(&["tool="]), Err(WallError::NoName(String::new())));
    for nobody in ["*", "User:*", "a\nb"] {
        assert!(matches!(named(&[nobody]), Err(WallError::NoName(_))), "{nobody}");
    }
    let told = named(&["weir", "tol=weir-tool"]).unwrap_err().to_string();
    assert!(told.contains("`tol` is no tier with an identity of its own (those are: tool)"), "{told}");
    assert!(named(&["User:tol=weir-tool"]).is_ok() && named(&["2.5.4.3=weir"]).is_ok());
    fixture.write("acl/tiers.yaml", "tiers: [{tier: tool, connections: 2}, {tier: large, connections: 2}]\n");
    let upstream = "main".to_owned();
    let tier = "large".to_owned();
    assert_eq!(named(&["large=x"]), Err(WallError::NoIdentity { tier, upstream }));
}

#[test]
fn without_an_identity_there_is_nobody_to_allow_anything() {
    let fixture = Fixture::new();
    assert_eq!(render(&fixture, WallOptions::default()), Err(WallError::Anonymous("main".to_owned())));
    let users = vec!["weir".to_owned()];
    assert!(render(&fixture, WallOptions { users, ..WallOptions::default() }).is_ok());
    let upstream = Some("other".to_owned());
    let unknown = render(&fixture, WallOptions { upstream, ..WallOptions::default() });
    assert_eq!(unknown, Err(WallError::Upstream { known: "main".to_owned() }));
    let fixture = self::fixture("{}");
    fixture.write("weir.pem", "");
    let error = render(&fixture, WallOptions::default()).unwrap_err().to_string();
    assert!(error.contains("weir.pem: the certificate cannot be read; correct the file, or write"), "{error}");
}

#[test]
fn topics_that_nobody_named_are_left_out_unless_somebody_asks_for_them_and_then_loudly() {
    let fixture = fixture("{}");
    let entry = "streams:\n  - stream: all\n    prefix: auto.\n    auto: true\n    description: x\n    schema: /x\n    \
                 schema_version: 1.0.0\n    cleanup_policy: delete\n    \
                 pii: {verdict: none, by: test, on: 2026-11-01, ticket: T1}\n";
    fixture.write("acl/catalogue.yaml", entry);
    fixture.write_principal("tool", "{cn: tool}");
    let acls = text(&render(&fixture, WallOptions::default()).unwrap(), "acls.sh");
    assert!(acls.contains("# LEFT OUT: ") && !acls.contains("--topic"), "{acls}");
    let wider = WallOptions { prefixes: true, ..WallOptions::default() };
    let acls = text(&render(&fixture, wider).unwrap(), "acls.sh");
    assert!(acls.contains("# WIDER THAN THE CATALOGUE: all topics under auto.\n"), "{acls}");
    assert_eq!(
        commands(&acls, "allow").last().unwrap(),
        "allow 'User:CN=weir' --operation Describe --operation Read --resource-pattern-type prefixed --topic 'auto.'"
    );
}

#[test]
fn each_namespace_is_a_prefix_of_its_own_where_clients_write_it() {
    let fixture = fixture("{}");
    fixture.configure("policy: acl", "policy: acl\ngroups: explicit-prefix");
    fixture.write_principal("another", "{cn: another}");
    let acls = text(&render(&fixture, WallOptions::default()).unwrap(), "acls.sh");
    assert!(commands(&acls, "allow")[1].ends_with("prefixed --group 'another.' --group 'tool.'"), "{acls}");
}

#[test]
fn bounds_grow_with_replicas_and_a_limit_that_is_only_watched_is_none() {
    let fixture = fixture("{}");
    fixture.configure("policy: acl", "policy: acl\nnodes: 2");
    let quotas = |fixture: &Fixture| {
        let files = render(fixture, WallOptions::default()).unwrap();
        commands(&text(&files, "quotas.sh"), "quota")
    };
    // Two replicas give half each: together as much as one.
    assert_eq!(quotas(&fixture), ["quota 'CN=weir' --add-config consumer_byte_rate=12000000,request_percentage=392"]);
    let properties = text(&render(&fixture, WallOptions::default()).unwrap(), "server.properties");
    // 20 each for one principal and the next, and 16 of Weir's own, at each of two, twice.
    assert!(properties.contains("\nlistener.name.weir.max.connections=224\n"), "{properties}");
    fixture.write(
        "acl/tiers.yaml",
        "tiers: [{tier: tool, connections: 20, bytes_out: {per_second: 1, burst: 1, mode: observe}}]\n",
    );
    assert_eq!(quotas(&fixture), [""; 0]);
}

#[test]
fn listener_settings_name_no_super_user_and_racks_only_where_there_are_any() {
    let fixture = fixture("{}");
    let of = |options| text(&render(&fixture, options).unwrap(), "server.properties");
    let settings =
        |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    let plain = of(WallOptions { listener: "EDGE".to_owned(), ..WallOptions::default() });
    assert_eq!(
        settings(&plain),
        [
            "listener.name.edge.ssl.client.auth=required",
            "listener.name.edge.ssl.principal.mapping.rules=DEFAULT",
            "listener.name.edge.max.connections=112",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found=false",
            "auto.create.topics.enable=false",
        ]
    );
    assert!(plain.contains("\n#   User:CN=weir\n") && plain.contains("EDGE://:9092"), "{plain}");
    let users = vec!["weir".to_owned()];
    let mapped = of(WallOptions { users, ..WallOptions::default() });
    assert!(!mapped.contains("mapping.rules"), "{mapped}");
    fixture.configure("bootstrap: ['127.0.0.1:9092'],", "bootstrap: ['127.0.0.1:9092'], racks: {r1: a},");
    assert!(of(WallOptions::default()).contains("\nreplica.selector.class=org.apache.kafka.common.replica.Rack"));
    for no_name in ["weir", "", "A B", "A\nsuper.users=User:x"] {
        let read = OfflinePolicy::of_config(&fixture.path("weir.yaml"), None).unwrap();
        let options = WallOptions { listener: no_name.to_owned(), ..WallOptions::default() };
        let wall = Wall::new(read.config.as_ref().unwrap(), &read.policy, &options);
        assert_eq!(wall.map(|_| ()), Err(WallError::NoListener(no_name.to_owned())));
    }
}

#[test]
fn packet_rules_hold_the_addresses_that_were_named_and_no_rules_are_guessed() {
    let fixture = fixture("{}");
    let from = |from: &[&str]| {
        let from = from.iter().map(|from| (*from).to_owned()).collect();
        render(&fixture, WallOptions { from, ..WallOptions::default() })
    };
    assert!(from(&[]).unwrap().iter().all(|file| file.name != "weir.nft"));
    let rules = text(&from(&["192.0.2.9/28", "2001:db8::7", "192.0.2.1/28"]).unwrap(), "weir.nft");
    assert!(
        rules.contains("elements = { 192.0.2.0/28 }") && rules.contains("elements = { 2001:db8::7/128 }"),
        "{rules}"
    );
    let said: Vec<&str> = rules.lines().map(str::trim).filter(|line| line.starts_with("tcp ")).collect();
    assert_eq!(
        said,
        [
            "tcp dport { 9092 } ip saddr @weir4 accept",
            "tcp dport { 9092 } ip6 saddr @weir6 accept",
            "tcp dport { 9092 } counter drop",
        ]
    );
    for everybody in ["0.0.0.0/0", "::/0", "weir.example.org", "192.0.2.1 }; drop"] {
        assert_eq!(from(&[everybody]), Err(WallError::NoNetwork(everybody.to_owned())));
    }
}

#[test]
fn with_sasl_a_user_is_the_one_of_scram_and_that_of_a_token_is_asked_for() {
    let fixture = Fixture::new();
    fixture.grant("tool", "a.topic");
    let sasl = "sasl: {mechanism: SCRAM-SHA-512, username: weir, password_file: p, \
                identities: {tool: {username: weir-tool, password_file: q}}}";
    let upstream = "bootstrap: ['127.0.0.1:9092']";
    fixture.configure(upstream, &format!("{upstream}, tls: {{ca: servers-ca.pem}}, {sasl}"));
    let files = render(&fixture, WallOptions::default()).unwrap();
    let acls = commands(&text(&files, "acls.sh"), "allow");
    assert!(acls[0].starts_with("allow 'User:weir' --operation Describe --topic") && acls.len() == 4, "{acls:?}");
    assert!(acls[2].starts_with("allow 'User:weir-tool' --operation Describe --operation Read --topic"), "{acls:?}");
    let properties = text(&files, "server.properties");
    assert!(properties.contains("listener.security.protocol.map  WEIR:SASL_SSL\n"), "{properties}");
    let settings =
        "listener.name.weir.ssl.client.auth=none\nlistener.name.weir.sasl.enabled.mechanisms=SCRAM-SHA-512\n";
    assert!(properties.contains(settings) && !properties.contains("mapping.rules"), "{properties}");
    // A user of this name would be everybody.
    let everybody = sasl.replace("username: weir-tool", "username: '*'");
    fixture.configure(sasl, &everybody);
    assert_eq!(render(&fixture, WallOptions::default()), Err(WallError::NoName("*".to_owned())));
    fixture.configure(&everybody, "sasl: {mechanism: OAUTHBEARER, token_file: t}");
    let error = render(&fixture, WallOptions::default()).unwrap_err();
    assert_eq!(error, WallError::NotSaid { whose: "Weir".to_owned(), flag: "NAME".to_owned() });
}

#[test]
fn settings_of_topics_are_seen_where_they_are_looked_at_again_and_where_somebody_asks_for_it() {
    let fixture = fixture(OF_TOOL);
    let catalogue = std::fs::read_to_string(fixture.path("acl/catalogue.yaml")).unwrap();
    let with = "cleanup_policy: compact\n    only_while_compacted: true";
    fixture.write("acl/catalogue.yaml", &catalogue.replace("cleanup_policy: delete", with));
    let settings = |options| {
        let all = commands(&text(&render(&fixture, options).unwrap(), "acls.sh"), "allow");
        all.into_iter().filter(|line| line.contains("DescribeConfigs")).collect::<Vec<_>>()
    };
    assert_eq!(
        settings(WallOptions::default()),
        ["allow 'User:CN=weir' --operation DescribeConfigs --topic 'a.topic'"]
    );
    assert_eq!(settings(WallOptions { describe_configs: true, ..WallOptions::default() }).len(), 2);
    fixture.write("acl/catalogue.yaml", &catalogue);
    assert_eq!(settings(WallOptions::default()), [""; 0]);
}
