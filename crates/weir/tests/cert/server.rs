//! `weir cert server`: what it writes, `weir check` finds right.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::Stage;
use crate::support::{CONFIG, weir};

const SNI: &str = "{sni: {host: kafka.example.org}}";

/// A configuration whose certificate is not there yet.
fn stage(change: impl Fn(&str) -> String) -> Stage {
    let stage = Stage::new();
    stage.write(
        "weir.yaml",
        &change(&CONFIG.replace("server.pem", "tls/server.pem").replace("server.key", "tls/server.key")),
    );
    stage
}

fn check(stage: &Stage) -> (i32, String) {
    let (status, said, wrong) = weir(&["check"], stage.path());
    (status, said + &wrong)
}

fn names(stage: &Stage) -> serde_json::Value {
    stage.json("inspect tls/server.pem")["items"][0]["alternative_names"].clone()
}

#[test]
fn the_names_are_those_that_are_advertised_and_check_agrees() {
    let ports = |config: &str, host: &str| {
        let ports = format!("{{ports: {{host: {host}, bootstrap_port: 9000, base_port: 9001, ids: [1, 3]}}}}");
        config.replace("127.0.0.1:9093", "127.0.0.1").replace(SNI, &ports)
    };
    for (config, expected) in [
        (stage(str::to_owned), vec!["DNS:kafka.example.org", "DNS:*.kafka.example.org"]),
        (
            stage(|config| config.replace("kafka.example.org", "Kafka.Example.org")),
            vec!["DNS:kafka.example.org", "DNS:*.kafka.example.org"],
        ),
        (stage(|config| ports(config, "kafka.example.org")), vec!["DNS:kafka.example.org"]),
        (stage(|config| ports(config, "192.0.2.7")), vec!["IP:192.0.2.7"]),
        (stage(|config| ports(config, "'2001:db8::7'")), vec!["IP:2001:db8::7"]),
    ] {
        assert_eq!(check(&config).0, 1, "there is no certificate");
        let said = config.ok("server --ca ca");
        assert!(said.contains("\ntls/server.key: its key; nobody else has it\n"), "{said}");
        assert_eq!(names(&config), serde_json::json!(expected));
        assert_eq!((check(&config).0, config.mode("tls/server.key")), (0, 0o600), "{}", check(&config).1);
    }
}

#[test]
fn further_names_and_addresses_are_added_when_asked_for() {
    let stage = stage(str::to_owned);
    stage.ok("server --ca ca --bind-addresses --name localhost --name 127.0.0.1 --name ::1 --days 5");
    let expected = ["DNS:kafka.example.org", "DNS:*.kafka.example.org", "IP:127.0.0.1", "DNS:localhost", "IP:::1"];
    assert_eq!(names(&stage), serde_json::json!(expected));
    stage.write("weir.yaml", &stage.read("weir.yaml").replace("127.0.0.1:9093", "0.0.0.0:9093"));
    stage.ok("server --ca ca --bind-addresses --replace");
    assert_eq!(
        names(&stage),
        serde_json::json!(["DNS:kafka.example.org", "DNS:*.kafka.example.org"]),
        "0.0.0.0 is no address"
    );
}

#[test]
fn a_renewal_replaces_and_nothing_else_does() {
    let stage = stage(str::to_owned);
    stage.ok("server --ca ca");
    let key = stage.read("tls/server.key");
    assert!(
        stage.wrong("server --ca ca").starts_with("tls/server.pem is there, and is not replaced"),
        "or `--replace`"
    );
    assert_eq!(stage.read("tls/server.key"), key);
    stage.ok("server --ca ca --replace --rsa");
    assert_ne!(stage.read("tls/server.key"), key);
    assert_eq!((check(&stage).0, stage.mode("tls/server.key"), stage.mode("tls/server.pem")), (0, 0o600, 0o644));
    stage.ok("server --ca ca --out elsewhere");
    // Weir's user goes on reading it, whoever renews.
    let key = stage.at("tls/server.key");
    let _ = std::os::unix::fs::chown(&key, Some(65_534), Some(65_534));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let owner = || (std::fs::metadata(&key).unwrap().uid(), std::fs::metadata(&key).unwrap().gid());
    let before = owner();
    stage.ok("server --ca ca --replace");
    assert_eq!((owner(), stage.mode("tls/server.key")), (before, 0o640));
    assert_eq!(stage.files("elsewhere"), ["server.key", "server.pem"]);
}

#[test]
fn listeners_with_certificates_of_their_own_get_them_one_by_one() {
    let stage = stage(|config| {
        let (_, first) = config.split_once("listeners:\n").unwrap();
        let (first, rest) = first.split_once("upstreams:").unwrap();
        let second = first
            .replace("public", "partners")
            .replace("9093", "9094")
            .replace("kafka.ex", "partners.ex")
            .replace("tls/server", "tls/partners");
        format!("listeners:\n{first}{second}upstreams:{rest}")
    });
    let wrong = stage.wrong("server --ca ca");
    assert_eq!(wrong, "the listeners public, partners have certificates of their own: choose by `--listener`\n");
    assert_eq!(
        stage.wrong("server --ca ca --listener other"),
        "there is no listener `other`; write one of public, partners\n"
    );
    stage.ok("server --ca ca --listener public");
    let said = stage.json("server --ca ca --listener partners");
    assert_eq!(said["names"], serde_json::json!(["partners.example.org", "*.partners.example.org"]));
    assert_eq!(check(&stage).0, 0, "{}", check(&stage).1);
    let both = stage.json("server --ca ca --out both");
    assert_eq!(
        both["names"].as_array().unwrap().len(),
        4,
        "in a directory of their own one certificate may serve both"
    );
}

#[test]
fn a_name_that_no_client_takes_is_refused_before_anything_is_issued() {
    let stage = stage(|config| config.replace("kafka.example.org", "localhost"));
    let wrong = stage.wrong("server --ca ca");
    assert!(wrong.contains("`*.localhost`") && wrong.contains("a star needs two labels after it"), "{wrong}");
    assert!(check(&stage).0 == 1);
    assert!(stage.wrong("server --ca ca --name bücher.example").contains("xn--"));
    stage.write("weir.yaml", "listeners: 7\n");
    assert!(stage.wrong("server --ca ca").contains("weir.yaml:1:12: `listeners` is a number; write a list\n"));
    assert_eq!(stage.files("tls"), Vec::<String>::new());
    assert_eq!(stage.json("list --ca ca")["certificates"].as_array().unwrap().len(), 0);
}
