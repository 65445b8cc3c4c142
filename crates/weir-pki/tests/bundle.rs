//! What a bundle holds and what it cannot be made to hold, in memory and on the disk.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use weir_pki::bundle::{
    Address, Bundle, BundleError, ClientCertificate, Facts, GroupRule, Limit, Manifest, ManifestError, Mode,
    OffsetReset, Refusal, Secret, Stores, Topic,
};
use weir_pki::{Authority, ClientSubject, Issued, Validity};

/// What could end a string, a line, a command or a property somewhere.
const HOSTILE: [&str; 16] = [
    "a\"b",
    "a'b",
    "a`id`",
    "a$(id)",
    "${HOME}",
    "a\\",
    "a\nb",
    "a\r\nb=c",
    "a;id",
    "a|id",
    "a b",
    "a{{ 1 }}",
    "{% raw %}",
    "a\u{2028}b",
    "*/ a",
    "ä",
];

fn issued() -> (Authority, Issued) {
    let authority = Authority::new("Example CA").unwrap();
    let client = authority.client(&ClientSubject::named("a-tool"), Validity::days(90)).unwrap();
    (authority, client)
}

fn facts() -> Facts {
    let (authority, client) = issued();
    Facts {
        principal: "a-tool".to_owned(),
        bootstrap: vec![Address { host: "kafka.example.org".to_owned(), port: 9093 }],
        topics: vec![
            Topic { name: "b.page".to_owned(), description: "Pages.".to_owned() },
            Topic { name: "a.page".to_owned(), description: "More pages.".to_owned() },
        ],
        topic_prefixes: Vec::new(),
        groups: GroupRule::Any,
        offset_reset: OffsetReset::Earliest,
        limits: vec![Limit { key: "connections", words: "20".to_owned(), counts: "connections at once" }],
        keeps_offsets: true,
        refusals: vec![Refusal { told: "closed", name: "some-reason", meaning: "It is so.", advice: "Do this." }],
        networks: Vec::new(),
        certificate: ClientCertificate {
            chain_pem: client.chain_pem,
            not_after: Validity::days(90).not_after,
            serial: "0a1b".to_owned(),
        },
        key: Some(Secret::new(client.key_pem)),
        ca_pem: authority.certificate_pem().to_owned(),
        stores: Some(Stores {
            client: b"PKCS#12 with a key".to_vec(),
            ca: b"PKCS#12 without".to_vec(),
            password: Secret::new("00112233445566778899aabbccddeeff".to_owned()),
        }),
        weir: None,
    }
}

fn without_key() -> Facts {
    Facts { key: None, stores: None, ..facts() }
}

#[test]
fn every_file_is_there_and_what_holds_a_key_is_for_its_owner_alone() {
    let facts = Facts { weir: Some(b"a program".to_vec()), ..facts() };
    let bundle = Bundle::new(&facts).unwrap();
    for path in [
        "README.md",
        "bundle.json",
        "ca.p12",
        "ca.pem",
        "client-p12.properties",
        "client.key",
        "client.p12",
        "client.pem",
        "client.properties",
        "connect/file-sink.properties",
        "connect/worker.properties",
        "env-inline.sh",
        "env.sh",
        "kcat.conf",
        "librdkafka.conf",
        "weir",
    ] {
        assert!(bundle.files().iter().any(|file| file.path == path), "{path} is missing");
    }
    let key = facts.key.unwrap();
    let line = key.expose().lines().nth(1).unwrap();
    let password = "00112233445566778899aabbccddeeff";
    let mut secret = 0;
    for file in bundle.files() {
        let text = String::from_utf8_lossy(&file.bytes);
        if text.contains(line) || text.contains(password) || text.contains("with a key") {
            assert_eq!(file.mode, Mode::Secret, "{} holds a key", file.path);
            secret += 1;
        }
    }
    assert_eq!(secret, 6, "the key, three files with it inside, the store and what opens it");
    assert!(!format!("{bundle:?} {:?}", self::facts()).contains(line), "nor does it show in a Debug form");
}

#[test]
fn after_a_request_no_file_holds_a_key_and_each_says_where_it_goes() {
    let bundle = Bundle::new(&without_key()).unwrap();
    assert!(bundle.files().iter().all(|file| file.path != "client.key" && !file.path.ends_with("p12")));
    for file in bundle.files() {
        let text = String::from_utf8_lossy(&file.bytes);
        assert!(!text.lines().any(|line| line.starts_with("-----BEGIN") && line.contains("KEY")), "{}", file.path);
    }
    let java = bundle.text("client.properties").unwrap();
    assert!(java.contains("\nssl.keystore.location=keystore.pem\n"), "{java}");
    assert!(!java.contains("ssl.keystore.key="), "{java}");
    assert!(bundle.text("env-inline.sh").unwrap().contains("$(cat -- client.key)"));
    assert!(bundle.text("README.md").unwrap().contains("Your private key never left you"));
    let manifest = Manifest::from_json(bundle.text("bundle.json").unwrap()).unwrap();
    assert!(!manifest.key_included);
    assert_eq!(manifest.key, "client.key");
}

#[test]
fn the_manifest_comes_back_as_it_was_written_and_another_version_is_told() {
    let facts = Facts { groups: GroupRule::Prefix("tools.".to_owned()), offset_reset: OffsetReset::None, ..facts() };
    let bundle = Bundle::new(&facts).unwrap();
    let text = bundle.text("bundle.json").unwrap();
    let manifest = Manifest::from_json(text).unwrap();
    assert_eq!(manifest.topics, ["a.page", "b.page"]);
    assert_eq!(manifest.bootstrap, ["kafka.example.org:9093"]);
    assert_eq!(manifest.group_id, "tools.reader");
    assert_eq!(manifest.groups, facts.groups);
    assert_eq!(manifest.limits, ["connections: 20"]);
    assert_eq!(manifest.to_json().unwrap(), text);
    let other = text.replace("\"version\": 1", "\"version\": 2");
    assert!(matches!(Manifest::from_json(&other), Err(ManifestError::Version { found: 2 })));
    assert!(matches!(Manifest::from_json("[]"), Err(ManifestError::Json(_))));
}

#[test]
fn hostile_values_that_a_program_would_read_are_refused() {
    for value in HOSTILE {
        let text = value.to_owned();
        let topic = Topic { name: text.clone(), description: String::new() };
        let address = Address { host: text.clone(), port: 1 };
        let certificate = ClientCertificate { serial: text.clone(), ..facts().certificate };
        let password = Stores { password: Secret::new(text.clone()), ..facts().stores.unwrap() };
        let planted = [
            Facts { principal: text.clone(), ..facts() },
            Facts { topics: vec![topic], ..facts() },
            Facts { topic_prefixes: vec![text.clone()], ..facts() },
            Facts { bootstrap: vec![address], ..facts() },
            Facts { groups: GroupRule::Prefix(text.clone()), ..facts() },
            Facts { certificate, ..facts() },
            Facts { stores: Some(password), ..facts() },
        ];
        for (place, facts) in planted.iter().enumerate() {
            let made = Bundle::new(facts);
            assert!(matches!(made, Err(BundleError::Value { .. })), "{value:?} in place {place}: {made:?}");
        }
    }
    let option = Facts { bootstrap: vec![Address { host: "-oProxy".to_owned(), port: 1 }], ..facts() };
    assert!(Bundle::new(&option).is_err(), "it would be an option of a command");
}

#[test]
fn hostile_text_for_people_means_nothing_in_the_readme() {
    let hostile = "a | b <script>alert(1)</script> [x](http://e.example) ```\n# Title\u{1b}[31m\u{202e}\r\n| x |";
    let topics = vec![Topic { name: "a.page".to_owned(), description: hostile.to_owned() }];
    let bundle = Bundle::new(&Facts { topics, ..facts() }).unwrap();
    let readme = bundle.text("README.md").unwrap();
    let row = readme.lines().find(|line| line.starts_with("| `a.page`")).unwrap();
    let plain = row.replace("\\|", "").replace("\\<", "").replace("\\[", "");
    assert_eq!(plain.matches('|').count(), 3, "one row of two cells: {row}");
    assert!(!plain.contains(['<', '[', '\u{1b}', '\u{202e}']), "{row}");
    assert!(row.ends_with(" |"), "{row}");
    let elsewhere = bundle.files().iter().filter(|file| file.path != "README.md");
    assert!(elsewhere.into_iter().all(|file| !String::from_utf8_lossy(&file.bytes).contains("alert(1)")));
}

#[test]
fn pem_is_taken_apart_and_only_what_belongs_there_is_written() {
    let (authority, client) = issued();
    let comment = "Bag Attributes\n    friendlyName: x'; id #\n";
    let certificate = ClientCertificate { chain_pem: format!("{comment}{}", client.chain_pem), ..facts().certificate };
    let ca_pem = format!("{}{}", authority.certificate_pem(), client.key_pem);
    let bundle = Bundle::new(&Facts { certificate, ca_pem, ..facts() }).unwrap();
    assert_eq!(bundle.text("ca.pem").unwrap().trim(), authority.certificate_pem().trim(), "not the key behind it");
    assert!(!bundle.text("client.pem").unwrap().contains("friendlyName"));
    assert!(!bundle.text("env-inline.sh").unwrap().contains("friendlyName"));

    let wrong = |key: &str| Bundle::new(&Facts { key: Some(Secret::new(key.to_owned())), ..facts() }).unwrap_err();
    let sec1 = client.key_pem.replace("PRIVATE KEY", "EC PRIVATE KEY");
    assert!(wrong(&sec1).to_string().contains("openssl pkcs8 -topk8"), "{}", wrong(&sec1));
    let encrypted = client.key_pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert!(wrong(&encrypted).to_string().contains("encrypted"), "{}", wrong(&encrypted));
    let two = format!("{0}{0}", client.key_pem);
    assert!(wrong(&two).to_string().contains("one private key"), "{}", wrong(&two));
    let torn = client.key_pem.replace("-----END", "----END");
    let line = client.key_pem.lines().nth(1).unwrap();
    assert!(!format!("{0} {0:?}", wrong(&torn)).contains(line), "an error shows no key");
    assert!(matches!(Bundle::new(&Facts { ca_pem: String::new(), ..facts() }), Err(BundleError::Pem { .. })));
}

#[test]
fn nothing_to_read_or_nowhere_to_connect_is_no_bundle() {
    assert!(matches!(Bundle::new(&Facts { topics: Vec::new(), ..facts() }), Err(BundleError::NoTopic)));
    assert!(matches!(Bundle::new(&Facts { bootstrap: Vec::new(), ..facts() }), Err(BundleError::NoAddress)));
}

#[test]
fn choices_and_rights_are_in_the_files() {
    let facts = Facts {
        groups: GroupRule::Prefix("tools.".to_owned()),
        offset_reset: OffsetReset::None,
        bootstrap: vec![Address { host: "2001:db8::1".to_owned(), port: 9093 }],
        topic_prefixes: vec!["a.".to_owned()],
        networks: vec!["192.0.2.0/24".to_owned()],
        keeps_offsets: false,
        ..facts()
    };
    let bundle = Bundle::new(&facts).unwrap();
    let text = |path: &str| bundle.text(path).unwrap();
    for (path, lines) in [
        (
            "client.properties",
            ["bootstrap.servers=[2001:db8::1]:9093", "auto.offset.reset=none", "group.id=tools.reader"],
        ),
        (
            "librdkafka.conf",
            ["bootstrap.servers=[2001:db8::1]:9093", "auto.offset.reset=error", "group.id=tools.reader"],
        ),
        (
            "connect/worker.properties",
            ["consumer.auto.offset.reset=none", "security.protocol=SSL", "consumer.security.protocol=SSL"],
        ),
        (
            "connect/file-sink.properties",
            ["topics=a.page,b.page", "file=records.txt", "consumer.override.group.id=tools.connect-file-sink"],
        ),
    ] {
        for line in lines {
            assert!(text(path).lines().any(|written| written == line), "{path} has no line {line}\n{}", text(path));
        }
    }
    let readme = text("README.md");
    for said in [
        "those that begin with `tools.`",
        "192.0.2.0/24",
        "Also those that begin with `a.`",
        "Commits are refused for you",
        "| `connections` | connections at once | 20 |",
        "| closed | It is so. (`some-reason`) | Do this. |",
        "`canary`",
        "Follow deletions",
        "the order is kept",
    ] {
        assert!(readme.contains(said), "README.md does not say: {said}\n{readme}");
    }
}

/// No line is left of a template, and no configuration begins at `latest` unless that was chosen.
#[test]
fn no_template_shows_through_and_latest_is_never_silent() {
    for facts in [facts(), without_key()] {
        let bundle = Bundle::new(&facts).unwrap();
        for file in bundle.files() {
            let Ok(text) = std::str::from_utf8(&file.bytes) else { continue };
            assert!(!text.contains("{%") && !text.contains("{{ "), "{}", file.path);
            assert!(file.path.ends_with(".py") || !text.contains("\n\n\n"), "{} has two empty lines", file.path);
            assert!(!text.contains("reset=latest"), "{}", file.path);
        }
    }
}

/// Names and values as a shell has them afterwards, from wherever it sources.
#[test]
fn the_environment_is_the_same_in_sh_and_bash() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("a bundle");
    let facts = facts();
    Bundle::new(&facts).unwrap().write(&at).unwrap();
    let ask = |shell: &str, from: &Path, script: &str| {
        let script = format!("set -eu; {script}; printf '%s\\n' \"$KAFKA_SSL_CA_LOCATION\" \"$KAFKA_TOPICS\"");
        let output = Command::new(shell).args(["-c", &script]).current_dir(from).output().unwrap();
        assert!(output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let wanted = format!("{}/ca.pem\na.page,b.page\n", at.display());
    assert_eq!(ask("sh", &at, ". ./env.sh"), wanted);
    assert_eq!(ask("bash", &at, ". ./env.sh"), wanted);
    assert_eq!(ask("bash", Path::new("/"), &format!(". '{}/env.sh'", at.display())), wanted);

    let inline = "set -eu; . ./env-inline.sh; printf %s \"$KAFKA_SSL_KEY_PEM\"";
    let output = Command::new("sh").args(["-c", inline]).current_dir(&at).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), fs::read_to_string(at.join("client.key")).unwrap());
}

fn modes(directory: &Path, below: &str) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(modes(directory, &format!("{name}/")));
        } else {
            found.insert(name, entry.metadata().unwrap().permissions().mode() & 0o777);
        }
    }
    found
}

#[test]
fn a_directory_appears_whole_with_its_modes_and_nothing_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("out");
    let bundle = Bundle::new(&facts()).unwrap();
    bundle.write(&target).unwrap();
    let written = modes(&target, "");
    assert_eq!(written.len(), bundle.files().len());
    for file in bundle.files() {
        assert_eq!(written[&file.path] & !file.mode.bits(), 0, "{}", file.path);
        assert_eq!(fs::read(target.join(&file.path)).unwrap(), file.bytes);
    }
    assert_eq!(written["client.key"], 0o600);
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_is_there_stays_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let bundle = Bundle::new(&facts()).unwrap();
    for name in ["directory", "file", "file.zip", "dangling", "dangling.zip"] {
        let target = place.path().join(name);
        match name {
            "directory" => fs::create_dir(&target).unwrap(),
            "dangling" | "dangling.zip" => std::os::unix::fs::symlink("/nowhere/at/all", &target).unwrap(),
            _ => fs::write(&target, "precious").unwrap(),
        }
        let error = bundle.write(&target).unwrap_err();
        assert!(matches!(error, BundleError::Exists { .. }), "{name}: {error}");
    }
    assert_eq!(fs::read(place.path().join("file.zip")).unwrap(), b"precious");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 5, "nothing is left beside them");
    assert!(matches!(bundle.write(&place.path().join("no/such/bundle.zip")), Err(BundleError::Write { .. })));
}

#[test]
fn a_zip_file_unpacks_to_the_same_under_its_own_name() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("a-tool.zip");
    let bundle = Bundle::new(&facts()).unwrap();
    bundle.write(&target).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");

    let mut archive = zip::ZipArchive::new(fs::File::open(&target).unwrap()).unwrap();
    assert_eq!(archive.len(), bundle.files().len());
    for file in bundle.files() {
        let mut entry = archive.by_name(&format!("a-tool/{}", file.path)).unwrap();
        assert_eq!(entry.unix_mode().unwrap() & 0o777, file.mode.bits(), "{}", file.path);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, file.bytes, "{}", file.path);
    }
}
