//! What is refused, in the words that an operator reads.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use weir_kafka::advertise::AdvertisedNodes;
use weir_policy::IdentityRule;

use super::document::EXAMPLE;
use super::{Admin, AdvertisedName, Config, Machine, read};

fn machine() -> Machine {
    Machine { cores: NonZeroUsize::new(3).unwrap(), descriptors: 1_048_576 }
}

fn parse_on(machine: Machine, text: &str) -> Result<Config, String> {
    match read(Path::new("etc/weir.yaml"), text, machine) {
        Ok((config, problems)) if problems.is_empty() => Ok(config),
        Ok((_, problems)) => Err(problems.into_errors().to_string()),
        Err(errors) => Err(errors.to_string()),
    }
}

fn parse(text: &str) -> Result<Config, String> {
    parse_on(machine(), text)
}

/// The example with one text replaced.
fn with(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "{old}");
    EXAMPLE.replace(old, new)
}

/// The problems, line by line, without the file's name.
#[track_caller]
fn refused(text: &str, problems: &[&str]) {
    let errors = parse(text).expect_err("nothing is wrong with it");
    let lines: Vec<&str> = errors.lines().map(|line| line.strip_prefix("etc/weir.yaml:").unwrap_or(line)).collect();
    assert_eq!(lines, problems);
}

#[test]
fn the_example_of_the_document_holds() {
    let config = parse(EXAMPLE).unwrap();
    let listener = &config.listeners[0];
    assert_eq!(listener.binds().collect::<Vec<_>>(), ["0.0.0.0:9093".parse::<SocketAddr>().unwrap()]);
    assert_eq!(listener.advertise, AdvertisedNodes::Sni { host: "kafka.example.org".to_owned(), port: 9093 });
    assert_eq!(listener.tls.key.value, PathBuf::from("etc/server.key"));
    let names: Vec<_> = listener.tls.names.iter().map(|name| name.value.clone()).collect();
    let host = "kafka.example.org".to_owned();
    assert_eq!(names, [AdvertisedName::Host(host.clone()), AdvertisedName::EveryBroker(host)]);
    assert_eq!(config.upstreams["main"].bootstrap[1], ("kafka2.internal".to_owned(), 9092));
    assert_eq!(config.identity, IdentityRule::ALL);
    assert_eq!(config.workers.get(), 3);
    assert_eq!(config.admin, Admin { bind: "127.0.0.1:9180".parse().unwrap(), metrics: None });
    assert_eq!(config.policy.value, PathBuf::from("etc/acl"));
}

#[test]
fn the_limits_are_those_of_the_design() {
    let limits = parse(EXAMPLE).unwrap().limits;
    assert_eq!(limits.tls_handshake, Duration::from_secs(5));
    assert_eq!(limits.first_frame, Duration::from_secs(10));
    assert_eq!((limits.frame, limits.frame_min_rate), (Duration::from_secs(10), 1 << 10));
    assert_eq!(limits.idle, Duration::from_secs(600));
    assert_eq!((limits.slow_reader, limits.reader_min_rate), (Duration::from_secs(60), 1 << 10));
    assert_eq!([limits.request, limits.request_group, limits.request_small], [1 << 20, 256 << 10, 16 << 10]);
    assert_eq!([limits.topics, limits.partitions, limits.tagged_fields], [2_000, 20_000, 256]);
    assert_eq!(limits.in_flight, 16);
    assert_eq!([limits.unauthenticated_per_address, limits.unauthenticated], [64, 1_024]);
    let limits = parse(&format!("{EXAMPLE}limits: {{idle: 30s, request: 2MiB, topics: 10}}\n")).unwrap().limits;
    assert_eq!((limits.idle, limits.request, limits.topics), (Duration::from_secs(30), 2 << 20, 10));
    assert_eq!(limits.in_flight, 16);
}

#[test]
fn every_wrong_key_is_told_at_once() {
    let text = "listeners:
  - name: public
    bind: 0.0.0.0:9093
    advertize: {sni: {host: kafka.example.org}}
    advertise: {ports: {host: h, bootstrap_port: 70000, base_port: 9, ids: [1, 2, 3]}}
    upstream: main
    tls: {certificate: a.pem, key: a.key, client_ca: ca.pem, min_version: 1.1}
    tls: {}
upstreams: {main: {bootstrap: kafka}}
shown_cluster_id: x
identity: [cn, name]
limits: {in_flight: many, whatever: 1}
log: human
";
    refused(
        text,
        &[
            "1:1: `policy` is missing in the file; add `policy:`",
            "4:5: `advertize` is not a key here; write `advertise`",
            "5:50: `bootstrap_port` is 70000; write a number from 0 to 65535",
            "5:76: `ids` has 3 values; write 2 values",
            "7:75: `min_version` cannot be `1.1`; write one of 1.3, 1.2",
            "8:5: `tls` was written before, in line 7; keep one of the two",
            "8:10: `certificate` is missing in tls; add `certificate:`",
            "8:10: `key` is missing in tls; add `key:`",
            "8:10: `client_ca` is missing in tls; add `client_ca:`",
            "9:31: `bootstrap` is a text; write a list",
            "11:16: `identity` cannot be `name`; write one of fingerprint, san-uri, san-dns, san-email, dn, cn",
            "12:21: `in_flight` is a text; write a whole number",
            "12:27: `whatever` is not a key here; write one of catch_up, connections, first_frame, frame, \
             frame_min_rate, handshakes, handshakes_per_address, idle, in_flight, networks, partitions, \
             reader_min_rate, request, request_group, request_small, slow_reader, tagged_fields, tls_handshake, topics, unauthenticated, unauthenticated_per_address",
            "13:6: `log` is a text; write keys and values",
        ],
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    refused("policy: [", &["1:9: this is not YAML that can be read: unclosed bracket '['; correct the syntax here"]);
    refused("", &["1:1: the file holds nothing; write keys and values"]);
    refused("- a\n", &["1:1: the file holds a list; write keys and values"]);
    let merged = parse(&format!("x: &x {{idle: 1s}}\n{EXAMPLE}limits: {{<<: *x}}\n")).unwrap_err();
    assert!(merged.contains("merge keys are not allowed"), "{merged}");
    assert!(parse(&format!("{EXAMPLE}---\n{EXAMPLE}")).is_err(), "a second document would be ignored");
}

#[test]
fn a_key_without_a_value_is_not_a_key_that_is_left_out() {
    let text = with("    upstream: main\n", "    upstream: main\n    allow:\n      # - 192.0.2.0/24\n");
    let text = text.replace("kafka2.internal:9092]}", "kafka2.internal:9092], tls: , cluster_id: }");
    refused(
        &format!("{text}log:\nworkers: ~\n"),
        &[
            "6:10: `allow` is nothing; write a list",
            "10:70: `tls` is nothing; write keys and values",
            "10:84: `cluster_id` is nothing; write a text",
            "13:4: `log` is nothing; write keys and values",
            "14:10: `workers` is nothing; write a whole number",
        ],
    );
}

#[test]
fn every_wrong_value_is_told_at_once() {
    let text = "listeners:
  - name: Public
    bind: 0.0.0.0:9093
    advertise: {sni: {host: kafka.example.org}}
    upstream: mian
    tls: {certificate: a.pem, key: a.key, client_ca: ca.pem}
    allow: [10.0.0.1/8, nonsense]
    proxy_protocol: {trusted: []}
upstreams: {main: {bootstrap: [kafka, '[::1]:9092'], max_versions: {Fetsch: 1, Fetch: -1}, dials_per_second: 0}}
shown_cluster_id: x y
policy: ''
identity: [cn, cn]
admin: {bind: 0.0.0.0:80}
workers: 0
limits: {idle: 5, in_flight: 0, request: 2GiB, frame: 0s}
";
    let apis: Vec<&str> = weir_kafka::table::TABLE.iter().map(|row| row.name).collect();
    assert!(apis.contains(&"Fetch"));
    refused(
        text,
        &[
            "2:11: `Public` is not a name; write 1 to 63 of a-z, 0-9 and -",
            "5:15: there is no upstream `mian`; write one of main",
            "7:13: `10.0.0.1/8` has bits set beyond its prefix; write 10.0.0.0/8",
            "7:25: `nonsense` is not a network; write an address and a prefix length, like 192.0.2.0/24",
            "8:31: `trusted` is empty; write the networks of your load balancers, or leave out `proxy_protocol`",
            "9:32: `kafka` is not a host and a port; write HOST:PORT of a broker, like kafka1.example.org:9092",
            &format!("9:77: `Fetsch` is not an API that Weir serves; write one of {}", apis.join(", ")),
            "9:87: the version of Fetch is -1; write 0 or more",
            "9:110: `dials_per_second` is 0; write at least 1, or leave it out for 50",
            "10:19: `x y` is not a cluster id; write 1 to 64 letters, digits, - and _, the same on all replicas",
            "11:9: the path is empty; write the path of a file or directory",
            "12:16: `cn` stands here twice; keep the first",
            "13:15: the admin address 0.0.0.0:80 can be reached from outside and has no authentication; write a loopback \
             address and a port, like 127.0.0.1:9180",
            "14:10: `workers` is 0; write a number from 1 to 512, or leave it out",
            "15:16: `idle` has no unit of time; write a whole number and one of ms, s, m, h, d, like 5s",
            "15:30: `in_flight` is 0; write at least 1, or leave it out",
            "15:42: `request` is too large a size; write at most 1GiB",
            "15:55: `frame` is nothing; write more, or leave it out",
        ],
    );
}

#[test]
fn an_address_that_no_client_can_dial_is_not_advertised() {
    let sni = |bind: &str, host: &str| {
        let text = with("bind: 0.0.0.0:9093", &format!("bind: '{bind}'"));
        parse(&text.replace("host: kafka.example.org", &format!("host: '{host}'"))).map(drop)
    };
    let ports = |bind: &str, host: &str| {
        let text = with("bind: 0.0.0.0:9093", &format!("bind: '{bind}'"));
        let ports = format!("ports: {{host: '{host}', bootstrap_port: 9000, base_port: 9001, ids: [0, 2]}}");
        parse(&text.replace("sni: {host: kafka.example.org}", &ports)).map(drop)
    };
    for host in ["127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "localhost", "weir.localhost"] {
        let error = ports("0.0.0.0", host).unwrap_err();
        assert!(error.contains("write the name or address by which clients reach this listener"), "{error}");
    }
    assert_eq!(
        sni("192.0.2.1:9093", "weir.localhost").unwrap_err(),
        "etc/weir.yaml:4:29: `weir.localhost` is the client's own machine, and this listener is for others; write the \
         name or address by which clients reach this listener"
    );
    assert!(sni("0.0.0.0:9093", "192.0.2.1").unwrap_err().contains("is not a DNS name"));
    assert!(ports("127.0.0.1", "0.0.0.0").unwrap_err().contains("no client can dial it"));
    sni("127.0.0.1:9093", "weir.localhost").unwrap();
    sni("[::1]:9093", "weir.localhost").unwrap();
    ports("127.0.0.2", "127.0.0.1").unwrap();
    ports("0.0.0.0", "2001:db8::1").unwrap();
}

#[test]
fn broker_ports_end_with_the_ports_there_are() {
    let ports = |ports: &str| {
        let text = with("bind: 0.0.0.0:9093", "bind: 0.0.0.0");
        parse(&text.replace("sni: {host: kafka.example.org}", &format!("ports: {{host: kafka.example.org, {ports}}}")))
    };
    let config = ports("bootstrap_port: 9000, base_port: 9100, ids: [1, 3]").unwrap();
    assert_eq!(config.listeners[0].ports, [9000, 9101, 9102, 9103]);
    assert_eq!(ports("bootstrap_port: 9000, base_port: 65533, ids: [0, 2]").unwrap().listeners[0].ports[3], 65_535);
    let error = |text: &str| ports(text).unwrap_err().split_once(": ").unwrap().1.to_owned();
    assert_eq!(
        error("bootstrap_port: 9000, base_port: 65533, ids: [0, 3]"),
        "broker 3 would have port 65536, and ports end at 65535; write a `base_port` of at most 65532, or a lower last id"
    );
    assert_eq!(
        error("bootstrap_port: 9002, base_port: 9000, ids: [1, 3]"),
        "`bootstrap_port` 9002 is also a broker's; write a port outside 9001 to 9003"
    );
    assert_eq!(
        error("bootstrap_port: 9000, base_port: 9100, ids: [3, 1]"),
        "[3, 1] is not a range of broker ids; write the lowest and the highest broker id, like [1, 32]"
    );
    assert_eq!(
        error("bootstrap_port: 0, base_port: 0, ids: [0, 1]").lines().next().unwrap(),
        "`bootstrap_port` is 0; write the port that clients dial first"
    );
    assert!(error("bootstrap_port: 9, base_port: 0, ids: [0, 2147483647]").contains("ports end at 65535"));
}

#[test]
fn two_listeners_do_not_share_a_port() {
    let two = |bind: &str| {
        let second = format!(
            "  - name: second
    bind: '{bind}'
    advertise: {{sni: {{host: other.example.org, port: 9999}}}}
    upstream: main
    tls: {{certificate: server.pem, key: server.key, client_ca: clients-ca.pem}}
upstreams:"
        );
        parse(&EXAMPLE.replace("upstreams:", &second)).map(drop)
    };
    for taken in ["0.0.0.0:9093", "192.0.2.1:9093", "[::]:9093"] {
        let error = two(taken).unwrap_err();
        assert!(error.contains("listener `public` binds 0.0.0.0:9093; give each its own ports"), "{taken}: {error}");
    }
    assert!(two("127.0.0.1:9180").unwrap_err().contains("the admin address binds 127.0.0.1:9180"));
    two("0.0.0.0:9094").unwrap();
    two("[2001:db8::1]:9093").unwrap();
    let same_name = two("0.0.0.0:9094");
    same_name.unwrap();
}

#[test]
fn bind_and_advertise_fit_each_other() {
    refused(
        &with("bind: 0.0.0.0:9093", "bind: 0.0.0.0"),
        &["3:11: `0.0.0.0` is not an IP address and a port; write both, like 0.0.0.0:9093 or [::]:9093"],
    );
    refused(
        &with("{sni: {host: kafka.example.org}}", "{}"),
        &["4:16: nothing is advertised; write one of `sni:` (the usual one) and `ports:`"],
    );
    let ports = "{ports: {host: k.example.org, bootstrap_port: 1, base_port: 2, ids: [0, 1]}}";
    refused(
        &with("{sni: {host: kafka.example.org}}", ports),
        &["3:11: `0.0.0.0:9093` is not an IP address alone; write the address without a port, like 0.0.0.0; `ports` \
           has the ports"],
    );
}

#[test]
fn connections_fit_the_file_descriptors() {
    let small = |descriptors| Machine { descriptors, ..machine() };
    assert_eq!(parse_on(small(20_000), EXAMPLE).unwrap().limits.connections, 9_871);
    assert_eq!(parse_on(small(1 << 20), EXAMPLE).unwrap().limits.connections, 10_000);
    let written = format!("{EXAMPLE}limits: {{connections: 9872}}\n");
    assert_eq!(
        parse_on(small(20_000), &written).unwrap_err(),
        "etc/weir.yaml:11:23: 9872 client connections need 20001 file descriptors, and this process may open 20000; \
         raise the limit (LimitNOFILE=20001, `ulimit -n 20001`), or write `connections: 9871`"
    );
    assert_eq!(
        parse_on(small(256), EXAMPLE).unwrap_err(),
        "1 client connections need 259 file descriptors, and this process may open 256; raise the limit \
         (LimitNOFILE=259, `ulimit -n 259`)"
    );
}

#[test]
fn tls_to_brokers_has_both_halves() {
    let upstream = |tls: &str| {
        let text = with("kafka2.internal:9092]}", &format!("kafka2.internal:9092], tls: {{{tls}}}}}"));
        parse(&text)
    };
    let config = upstream("ca: ca.pem, certificate: c.pem, key: c.key, server_name: kafka.internal").unwrap();
    let tls = config.upstreams["main"].tls.as_ref().unwrap();
    assert_eq!(tls.identity.as_ref().unwrap().1.value, PathBuf::from("etc/c.key"));
    assert!(upstream("ca: ca.pem").unwrap().upstreams["main"].tls.as_ref().unwrap().identity.is_none());
    assert!(
        upstream("ca: a, certificate: c").unwrap_err().contains("`certificate` has no `key`; add `key:` beside it")
    );
    assert!(upstream("ca: a, key: c").unwrap_err().contains("`key` has no `certificate`"));
    assert!(upstream("ca: a, server_name: 'a b'").unwrap_err().contains("is not a name that a certificate can have"));
}

#[test]
fn sasl_to_brokers_goes_over_tls_and_has_what_its_mechanism_needs() {
    let upstream = |keys: &str| parse(&with("kafka2.internal:9092]}", &format!("kafka2.internal:9092], {keys}}}")));
    let sasl = |sasl: &str| upstream(&format!("tls: {{ca: ca.pem}}, sasl: {{{sasl}}}"));
    let config = sasl(
        "mechanism: SCRAM-SHA-512, username: weir, password_file: p, identities: {big: {username: b, password_file: b}}",
    );
    let config = config.unwrap();
    let scram = config.upstreams["main"].sasl.as_ref().unwrap();
    assert_eq!((scram.mechanism.name(), scram.own.username.as_deref()), ("SCRAM-SHA-512", Some("weir")));
    assert_eq!(scram.all().map(|one| &*one.secret.value).collect::<Vec<_>>(), [Path::new("etc/p"), Path::new("etc/b")]);
    assert!(sasl("mechanism: OAUTHBEARER, token_file: t").unwrap().upstreams["main"].sasl.is_some());
    let error = |config: Result<Config, String>| config.unwrap_err().split_once(": ").unwrap().1.to_owned();
    assert_eq!(
        error(upstream("sasl: {mechanism: OAUTHBEARER, token_file: t}")),
        "`sasl` without `tls`: who listens could come as Weir; add `tls: {ca: FILE}` beside it, and name the brokers' \
         SASL_SSL port"
    );
    assert_eq!(
        error(upstream(
            "tls: {ca: c, identities: {big: {certificate: c, key: k}}}, sasl: {mechanism: OAUTHBEARER, token_file: t}"
        )),
        "with `sasl` the brokers do not tell `big` apart by a certificate; write it under `identities` of `sasl`"
    );
    for (written, told) in [
        ("mechanism: SCRAM-SHA-256, password_file: p", "SCRAM-SHA-256 needs `username`; add `username:`"),
        ("mechanism: SCRAM-SHA-256, username: weir", "SCRAM-SHA-256 needs `password_file`; add `password_file: FILE`"),
        ("mechanism: OAUTHBEARER", "OAUTHBEARER needs `token_file`; add"),
        (
            "mechanism: OAUTHBEARER, token_file: t, username: weir",
            "OAUTHBEARER has no use for `username`; take it away",
        ),
        ("mechanism: SCRAM-SHA-256, username: w, password_file: p, token_file: t", "has no use for `token_file`"),
        ("mechanism: SCRAM-SHA-256, username: '', password_file: p", "`username` is no name"),
        ("mechanism: OAUTHBEARER, token_file: t, identities: {big: {username: b}}", "OAUTHBEARER needs `token_file`"),
        ("mechanism: PLAIN, username: weir, password_file: p", "PLAIN"),
        ("mechanism: OAUTHBEARER, token: planted", "token"),
    ] {
        let told_so = sasl(written).expect_err(written);
        assert!(told_so.contains(told) && !told_so.contains("planted"), "{written}: {told_so}");
    }
}

#[test]
fn racks_have_labels_of_their_own() {
    let racks =
        |racks: &str| parse(&with("kafka2.internal:9092]}", &format!("kafka2.internal:9092], racks: {{{racks}}}}}")));
    let config = racks("dc1-r7: a, dc2-r1: zone.2").unwrap();
    let labels: Vec<_> = config.upstreams["main"].racks.iter().map(|(rack, label)| (&*rack.0, &*label.0)).collect();
    assert_eq!(labels, [("dc1-r7", "a"), ("dc2-r1", "zone.2")]);
    assert!(parse(EXAMPLE).unwrap().upstreams["main"].racks.is_empty());
    let error = |text: &str| racks(text).unwrap_err().split_once(": ").unwrap().1.to_owned();
    assert_eq!(error("r1: a, r2: a"), "racks `r1` and `r2` have the one label `a`; give each a label of its own");
    assert_eq!(error("r1: a b"), "`a b` is not a label for a rack; write 1 to 63 of A-Z, a-z, 0-9, `.`, `_` and `-`");
}

#[test]
fn metrics_leave_loopback_for_named_networks_and_at_a_port_of_their_own() {
    let with_metrics = |metrics: &str| parse(&format!("{EXAMPLE}admin: {{metrics: {metrics}}}\n"));
    let config = with_metrics("{bind: '0.0.0.0:9181', allow: [10.0.0.0/8, 'fd00::/8']}").unwrap();
    let metrics = config.admin.metrics.unwrap();
    assert_eq!((metrics.bind.to_string().as_str(), metrics.allow.len()), ("0.0.0.0:9181", 2));
    for (metrics, told) in [
        ("{bind: '0.0.0.0:9181', allow: []}", "`allow` is empty; write the networks of what reads metrics"),
        ("{bind: '0.0.0.0:9181'}", "`allow`"),
        ("{bind: '9181', allow: [10.0.0.0/8]}", "`9181` is not an address and a port; write an address"),
        ("{bind: '0.0.0.0:9181', allow: [10.0.0.1/8]}", "write 10.0.0.0/8"),
        ("{bind: '0.0.0.0:9180', allow: [10.0.0.0/8]}", "127.0.0.1:9180 is the admin address; give each a port"),
        ("{bind: '0.0.0.0:9093', allow: [10.0.0.0/8]}", "`admin.metrics` binds 0.0.0.0:9093; give each its own"),
    ] {
        let error = with_metrics(metrics).map(drop).unwrap_err();
        assert!(error.contains(told), "{metrics}: {error}");
    }
}
