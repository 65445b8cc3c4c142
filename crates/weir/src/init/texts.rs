//! The files of a first configuration.
//!
//! Must never: have a text that an example of this repository has, or write a decision.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::answers::{Answers, Person};
use crate::catalogue::{Entry, scalar, whole};
use crate::shipped;

/// After how many days somebody looks at a principal again.
const REVIEW_DAYS: i64 = 365;

/// The package's socket unit has the address of the example, and Weir does not start with a socket that is not its own.
const SERVE_BY_UNIT: [&str; 4] = [
    "# systemd holds the sockets of this configuration.",
    "weir systemd-socket > /etc/systemd/system/weir.socket",
    "systemctl daemon-reload",
    "systemctl enable --now weir.socket weir.service",
];

/// Every file, by its path from the directory.
///
/// # Errors
/// An example does not have what is to be replaced in it.
pub(super) fn all(answers: &Answers) -> Result<Vec<(PathBuf, String)>, String> {
    let mut files = vec![
        (PathBuf::from("weir.yaml"), config(answers)?),
        (PathBuf::from("acl/catalogue.yaml"), whole(entries(&answers.topics).iter())),
        (PathBuf::from("acl/never.yaml"), shipped::without_notice(shipped::NEVER).to_owned()),
        (PathBuf::from("acl/tiers.yaml"), shipped::without_notice(shipped::TIERS).to_owned()),
    ];
    if let Some(person) = &answers.principal {
        files.push((PathBuf::from(format!("acl/principals/{}.yaml", person.name)), principal(person, &answers.topics)));
    }
    Ok(files)
}

fn config(answers: &Answers) -> Result<String, String> {
    let brokers: Vec<String> = answers.bootstrap.iter().map(|broker| address(broker)).collect();
    let mut text = shipped::CONFIG.to_owned();
    for (old, new) in [
        ("bind: 0.0.0.0:9093", format!("bind: {}", address(&answers.listen.to_string()))),
        ("bind: 127.0.0.1:9180", format!("bind: {}", address(&answers.admin.to_string()))),
        ("[kafka1.internal:9092, kafka2.internal:9092, kafka3.internal:9092]", format!("[{}]", brokers.join(", "))),
        ("example-public", cluster_id(&answers.host)),
        ("/var/lib/weir/audit", scalar(&answers.audit.to_string_lossy())),
        ("# client_crl:", "client_crl:".to_owned()),
        (" The one beside this file is an example and no review.", String::new()),
    ] {
        if text.matches(old).count() != 1 {
            return Err(format!(
                "weir.example.yaml has no `{old}`, or two: this Weir was built from files that do not fit"
            ));
        }
        text = text.replacen(old, &new, 1);
    }
    Ok(text.replace("kafka.example.org", &answers.host))
}

/// An address and its port: the brackets of IPv6 would begin a list.
fn address(text: &str) -> String {
    if text.starts_with('[') { json!(text).to_string() } else { text.to_owned() }
}

/// An id that clients see, for ever: of the name that they dial.
fn cluster_id(host: &str) -> String {
    host.chars().map(|next| if next == '.' { '-' } else { next }).take(64).collect()
}

/// One entry for each stream: the topics whose names are alike after the data centre.
fn entries(topics: &[String]) -> Vec<Entry> {
    let mut streams: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for topic in topics {
        let suffix = topic.split_once('.').map_or(topic.as_str(), |(_, suffix)| suffix);
        streams.entry(suffix).or_default().push(topic.clone());
    }
    let entry = |(suffix, topics): (&str, Vec<String>)| Entry {
        stream: match topics.as_slice() {
            [one] => one.clone(),
            _ => suffix.to_owned(),
        },
        topics,
        description: "Nobody has written yet what this is.".to_owned(),
        schema: "none".to_owned(),
        schema_version: "none".to_owned(),
        keys: Vec::new(),
    };
    streams.into_iter().map(entry).collect()
}

fn principal(person: &Person, topics: &[String]) -> String {
    let name = scalar(&person.name);
    let mut text = format!("principal: {name}\n");
    text.push_str("# What in a certificate is this principal. `weir cert issue` goes by it.\n");
    let _ = writeln!(text, "certificate:\n  - cn: {name}");
    text.push_str("# Keeps its groups apart at the brokers. Another one later loses its offsets.\n");
    let _ = writeln!(text, "namespace: {}", scalar(person.namespace.as_str()));
    text.push_str("# How much: a name in tiers.yaml.\ntier: tool\n");
    text.push_str("# The second key: what of the catalogue it may read.\n");
    text.push_str(if topics.is_empty() { "read: []\n" } else { "read:\n" });
    for topic in topics {
        let _ = writeln!(text, "  - topic: {}", scalar(topic));
    }
    let _ = writeln!(text, "contact: {}", json!(person.contact));
    text.push_str("# The day on which somebody asks whether it still needs all that.\n");
    let _ = writeln!(text, "review_by: {}", (OffsetDateTime::now_utc() + Duration::days(REVIEW_DAYS)).date());
    text
}

/// What comes now, as lines that a shell takes as they are. `weir serve` is the last: it does not come back.
pub(super) fn next_steps(answers: &Answers, directory: &Path) -> String {
    let host = &answers.host;
    // Where the package's unit looks, and serves as a user of its own.
    let of_package = directory.starts_with("/etc/weir");
    let mut lines = vec![String::new(), "# What comes now:".to_owned()];
    if directory != Path::new(".") {
        lines.push(format!("cd {}", quoted(&directory.display().to_string())));
    }
    lines.extend([
        "# Two CAs: of clients, and of this server's certificate. Keep both away from the machine that serves."
            .to_owned(),
        format!("weir cert init --ca clients-ca --name '{host} clients'"),
        format!("weir cert init --ca server-ca --name '{host} server'"),
        "# What weir.yaml names.".to_owned(),
        "weir cert server --ca server-ca".to_owned(),
        "cp clients-ca/ca.pem tls/clients-ca.pem".to_owned(),
        "cp clients-ca/crl.pem tls/clients-crl.pem".to_owned(),
        "# By a timer every week, or every client is refused after 37 days:".to_owned(),
        "#   weir cert crl --ca clients-ca --publish tls/clients-crl.pem".to_owned(),
        "# And every two months: weir cert server --ca server-ca --replace".to_owned(),
    ]);
    if of_package {
        lines.push("# The unit runs as the user weir.".to_owned());
        lines.push("chgrp weir tls tls/server.key && chmod g+rX tls tls/server.key".to_owned());
    }
    if answers.topics.is_empty() {
        lines.push(
            "# What may leave goes into acl/catalogue.yaml; nothing does yet. `weir import` makes entries.".to_owned(),
        );
        let own = answers.principal.as_ref();
        lines.extend(
            own.map(|person| format!("# What of it {0} may read: `read:` in acl/principals/{0}.yaml.", person.name)),
        );
    }
    lines.extend([
        "# Somebody decides in acl/catalogue.yaml, in the place of each `{verdict: open}`; this says where.".to_owned(),
        "weir check".to_owned(),
        "weir check --live".to_owned(),
    ]);
    if let Some(person) = &answers.principal {
        let name = quoted(&person.name);
        let made = "--ca clients-ca --ca-certificate server-ca/ca.pem";
        lines.push(format!("# All that {} needs, in one file; ID is where it was decided.", person.name));
        lines.push(format!("weir cert bundle {name} {made} --ticket ID --out {name}.zip"));
    }
    let serve: &[&str] = if of_package { &SERVE_BY_UNIT } else { &["weir serve"] };
    lines.extend(serve.iter().map(|line| (*line).to_owned()));
    lines.join("\n") + "\n"
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    let is_plain = text.bytes().all(plain) && !text.starts_with('-');
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::init::Init;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        init: Init,
    }

    #[test]
    fn the_packages_unit_can_read_the_key_and_holds_the_sockets_that_are_configured() {
        let steps = |directory: &str| {
            let line = ["init", "--host", "kafka.example.org", "--bootstrap", "k1:9092", "--dir", directory];
            let init = Line::try_parse_from(line).unwrap().init;
            next_steps(&Answers::of(&init).unwrap(), &init.dir)
        };
        let package = steps("/etc/weir");
        assert!(package.contains("chgrp weir tls tls/server.key"), "{package}");
        assert!(package.contains("\n#   weir cert crl --ca clients-ca --publish tls/clients-crl.pem\n"), "{package}");
        let sockets = "\nweir systemd-socket > /etc/systemd/system/weir.socket\nsystemctl daemon-reload\n";
        assert!(package.ends_with(&format!("{sockets}systemctl enable --now weir.socket weir.service\n")), "{package}");
        assert!(package.contains("\n# What may leave goes into acl/catalogue.yaml; nothing does yet."), "{package}");
        let own = steps("it's mine");
        assert!(
            own.contains("\ncd 'it'\\''s mine'\n") && !own.contains("chgrp") && own.ends_with("weir serve\n"),
            "{own}"
        );
    }
}
