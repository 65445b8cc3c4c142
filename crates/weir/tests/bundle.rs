//! `weir cert bundle` as a person types it: what comes out, and when nothing does.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use weir_pki::bundle::{GroupRule, Manifest, OffsetReset};
use weir_pki::{Authority, ClientSubject, Issued, Validity};

const CONFIG: &str = "\
listeners:
  - name: public
    bind: 127.0.0.1:9093
    advertise: {sni: {host: kafka.example.org, port: 443}}
    upstream: main
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
upstreams:
  main: {bootstrap: ['broker.internal:9092']}
shown_cluster_id: shown
policy: acl
nodes: 2
";

const SECOND: &str = "  - name: second
    bind: 127.0.0.1
    advertise: {ports: {host: 192.0.2.7, bootstrap_port: 9000, base_port: 9001, ids: [0, 5]}}
    upstream: main
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
upstreams:
";

/// A directory with a configuration, a policy, and a certificate with its key as `tool.pem` and `tool.key`.
struct Stage {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap(), authority: Authority::new("Example CA").unwrap() };
        let about = "pii: {verdict: none, by: x, on: 2026-11-01, ticket: T}, schema: /s, schema_version: 1.0.0, \
                     cleanup_policy: delete";
        stage.write("weir.yaml", CONFIG);
        stage.write("ca.pem", stage.authority.certificate_pem());
        stage.write(
            "acl/catalogue.yaml",
            &format!(
                "streams:\n  - {{stream: page, topics: [a.page, b.page], description: \"Pages | and more.\", {about}}}\n  \
                 - {{stream: other, topics: [a.other], description: Other things., {about}}}\n"
            ),
        );
        stage.write("acl/never.yaml", "never: []\n");
        let tiers = "tiers:\n  - {tier: tool, connections: 20, bytes_out: {per_second: 2000000, burst: 10000000}}\n";
        stage.write("acl/tiers.yaml", tiers);
        stage.principal("tool", "  - prefix: a.\n");
        stage.principal("idle", "");
        stage.issue("tool");
        let names = ["kafka.example.org", "*.kafka.example.org", "192.0.2.7"];
        stage.authority.server(&names).unwrap().write(stage.path(), "server").unwrap();
        stage
    }

    fn principal(&self, name: &str, read: &str) {
        let read = if read.is_empty() { " []\n".to_owned() } else { format!("\n{read}") };
        let text = format!(
            "principal: {name}\nnamespace: {name}s\ncertificate: [{{cn: {name}}}]\ntier: tool\nread:{read}\
             cidrs: [192.0.2.0/24]\ncontact: c@d.example\nreview_by: 2099-12-31\n"
        );
        self.write(&format!("acl/principals/{name}.yaml"), &text);
    }

    fn issue(&self, name: &str) -> Issued {
        let issued = self.authority.client(&ClientSubject::named(name), Validity::days(30)).unwrap();
        issued.write(self.path(), name).unwrap();
        issued
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn manifest(&self, bundle: &str) -> Manifest {
        Manifest::from_json(&self.read(&format!("{bundle}/bundle.json"))).unwrap()
    }

    /// Exit status, standard output, standard error of `weir cert`.
    fn cert(&self, arguments: &str) -> support::Ended {
        let arguments: Vec<_> = std::iter::once("cert").chain(arguments.split(' ')).collect();
        support::weir(&arguments, self.path())
    }

    /// A bundle that is made.
    fn bundle(&self, arguments: &str) -> String {
        let (status, said, problems) = self.cert(&format!("bundle {arguments}"));
        assert_eq!((status, problems.as_str()), (0, ""), "{arguments}");
        said
    }

    /// Why none is made. Nothing appears.
    fn refused(&self, arguments: &str) -> String {
        let before = self.names();
        let (status, _, problems) = self.cert(&format!("bundle {arguments}"));
        assert_eq!(status, 2, "{arguments}: {problems}");
        assert_eq!(self.names(), before, "{arguments}");
        problems
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

const WITH_KEY: &str = "--certificate tool.pem --key tool.key --ca-certificate ca.pem";
const WITHOUT_KEY: &str = "--certificate tool.pem --ca-certificate ca.pem";

#[test]
fn a_bundle_says_what_the_policy_grants_and_the_listener_advertises() {
    let stage = Stage::new();
    let said = stage.bundle(&format!("tool --out out {WITH_KEY}"));
    assert!(said.starts_with("out: 2 topics, serial ") && said.contains("it holds the key"), "{said}");
    let manifest = stage.manifest("out");
    assert_eq!(manifest.bootstrap, ["kafka.example.org:443"]);
    assert_eq!(manifest.topics, ["a.other", "a.page"], "by the prefix, and of the catalogue alone");
    assert_eq!((&manifest.groups, manifest.group_id.as_str()), (&GroupRule::Any, "reader"));
    assert_eq!(manifest.offset_reset, OffsetReset::Earliest);
    let bytes = "bytes_out: 2000000 per second, 10000000 more at once, throttle";
    assert!(manifest.limits.iter().any(|limit| limit == bytes), "of all replicas: {:?}", manifest.limits);
    assert!((29..=30).contains(&(manifest.not_after - time::OffsetDateTime::now_utc()).whole_days()));

    let readme = stage.read("out/README.md");
    for part in [
        "| `a.page` | Pages \\| and more. |",
        "192.0.2.0/24 alone",
        "any: nobody else meets your groups",
        "| `TOPIC_AUTHORIZATION_FAILED` (29) | The topic is in the catalogue, but not granted to this principal.",
    ] {
        assert!(readme.contains(part), "{part}\n{readme}");
    }
    assert!(!readme.contains("broker.internal"));
    for secret in ["client.key", "client.p12", "client.properties", "client-p12.properties", "env-inline.sh"] {
        let mode = fs::metadata(stage.path().join("out").join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert_eq!(stage.read("out/client.pem"), stage.read("tool.pem"));
}

#[test]
fn choices_are_taken() {
    let stage = Stage::new();
    stage.write("weir.yaml", &(CONFIG.replace("upstreams:\n", SECOND) + "groups: explicit-prefix\n"));
    let problem = stage.refused(&format!("tool --out out {WITH_KEY}"));
    assert_eq!(problem, "there are several listeners: add `--listener` with one of public, second\n");
    let problem = stage.refused(&format!("tool --out out --listener third {WITH_KEY}"));
    assert_eq!(problem, "there is no listener `third`; write one of public, second\n");
    let said = stage
        .bundle(&format!("tool --out out --listener second --offsets latest --json --with-weir --java8 {WITH_KEY}"));
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&told["topics"], &told["key_included"]), (&2.into(), &true.into()), "{said}");
    let manifest = stage.manifest("out");
    assert_eq!(manifest.bootstrap, ["192.0.2.7:9000"]);
    assert_eq!(manifest.groups, GroupRule::Prefix("tools.".to_owned()));
    assert_eq!(manifest.group_id, "tools.reader");
    assert_eq!(manifest.offset_reset, OffsetReset::Latest);
    let version = Command::new(stage.path().join("out/weir")).arg("--version").output().unwrap();
    assert!(version.status.success(), "it is the program");
}

/// After a request the key is its holder's; later the same certificate goes into a new bundle with new topics.
#[test]
fn without_a_key_there_is_none_and_new_topics_come_without_a_new_one() {
    let stage = Stage::new();
    let said = stage.bundle(&format!("tool --out tool.zip {WITHOUT_KEY}"));
    assert!(said.contains("it holds no key"), "{said}");
    let zip = fs::read(stage.path().join("tool.zip")).unwrap();
    assert!(zip.starts_with(b"PK"));
    stage.bundle(&format!("tool --out out {WITHOUT_KEY}"));
    let names: Vec<_> =
        fs::read_dir(stage.path().join("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name != "client.key" && name != "client.p12"), "{names:?}");
    assert!(!stage.manifest("out").key_included);

    stage.principal("tool", "  - prefix: a.\n  - topic: b.page\n");
    stage.bundle(&format!("tool --out again {WITHOUT_KEY}"));
    assert_eq!(stage.manifest("again").topics, ["a.other", "a.page", "b.page"]);
    assert_eq!(stage.manifest("again").serial, stage.manifest("out").serial);
}

#[test]
fn nothing_is_made_of_what_does_not_belong_together() {
    let stage = Stage::new();
    stage.issue("idle");
    stage.issue("stranger");
    let of = |name: &str| format!("--certificate {name}.pem --key {name}.key --ca-certificate ca.pem");
    let refused = |arguments: &str| stage.refused(arguments);
    assert_eq!(
        refused(&format!("toll --out out {WITH_KEY}")).trim(),
        "there is no principal `toll`; the names stand behind `principal:` in the files of principals/"
    );
    assert_eq!(
        refused(&format!("tool --out out {}", of("idle"))),
        "idle.pem is the certificate of `idle`, not of `tool`\n"
    );
    assert_eq!(
        refused(&format!("tool --out out {}", of("stranger"))),
        "stranger.pem is not `tool`'s: The certificate belongs to no principal.\n"
    );
    let mixed = "tool --out out --certificate tool.pem --key idle.key --ca-certificate ca.pem";
    assert_eq!(refused(mixed), "the key of `--key` is not the one that the certificate is for\n");
    let swapped = "tool --out out --certificate tool.pem --key tool.pem --ca-certificate ca.pem";
    assert_eq!(
        refused(swapped),
        "tool.pem: the key: there must be one private key in it, and nothing else that is one\n"
    );
    stage.write("sec1.key", &stage.read("tool.key").replace("PRIVATE KEY", "EC PRIVATE KEY"));
    let sec1 = refused("tool --out out --certificate tool.pem --key sec1.key --ca-certificate ca.pem");
    assert!(sec1.starts_with("sec1.key: the key: it is not PKCS#8") && sec1.contains("openssl pkcs8"), "{sec1}");
    let idle = refused(&format!("idle --out out {}", of("idle")));
    assert_eq!(idle, "the principal may read no topic: grant one first, under `read:` in its file\n");
    let past = Validity::from_now(time::Duration::days(-9), time::Duration::days(-2));
    let expired = stage.authority.client(&ClientSubject::named("tool"), past).unwrap();
    expired.write(stage.path(), "expired").unwrap();
    assert!(refused(&format!("tool --out out {}", of("expired"))).contains("ended on"));
    assert!(
        refused("tool --out out --certificate tool.pem --ca-certificate weir.yaml").contains("no certificate is in it")
    );
    assert!(refused("tool --out out --certificate none.pem --ca-certificate ca.pem").contains("none.pem"));
    assert!(refused("tool --out out --certificate tool.pem").contains("--ca-certificate"), "what to trust is said");
    assert!(refused("tool --out out").contains("--ca"), "either a CA or a certificate");
}

/// A bundle is made on another machine than Weir's, too; what could not be looked at is told.
#[test]
fn what_clients_would_not_like_about_the_server_is_told() {
    let stage = Stage::new();
    let noted = |out: &str| {
        let (status, _, noted) = stage.cert(&format!("bundle tool --out {out} {WITH_KEY}"));
        assert_eq!(status, 0, "{noted}");
        noted
    };
    stage.authority.server(&["other.example.org"]).unwrap().write(stage.path(), "server").unwrap();
    assert!(noted("a").starts_with("note: clients will refuse "), "{}", noted("b"));
    fs::remove_file(stage.path().join("server.pem")).unwrap();
    let absent = noted("c");
    assert!(absent.contains("server.pem cannot be read") && absent.contains("was not looked at"), "{absent}");
}

/// As with the CA of the server named for that of the clients: it would be let in nowhere.
#[test]
fn a_certificate_that_the_listener_would_not_take_is_told() {
    let stage = Stage::new();
    let noted = |out: &str| stage.cert(&format!("bundle tool --out {out} {WITH_KEY}"));
    assert_eq!(noted("a").2, "");
    let others = Authority::new("Others").unwrap();
    stage.write("weir.yaml", &CONFIG.replace("client_ca: ca.pem", "client_ca: others.pem"));
    stage.write("others.pem", others.certificate_pem());
    let (status, _, note) = noted("b");
    assert!(status == 0 && note.starts_with("note: the server will not let this certificate in"), "{status} {note}");
    assert!(note.contains("others.pem, the listener's `client_ca`"), "{note}");
}

#[test]
fn what_is_there_is_not_replaced() {
    let stage = Stage::new();
    stage.write("out/precious", "kept");
    stage.write("out.zip", "kept");
    for out in ["out", "out.zip"] {
        let problem = stage.refused(&format!("tool --out {out} {WITH_KEY}"));
        assert!(problem.starts_with(&format!("{out} is there already, and a bundle overwrites nothing")), "{problem}");
    }
    assert_eq!((stage.read("out/precious"), stage.read("out.zip")), ("kept".to_owned(), "kept".to_owned()));
}

/// The CA issues only when all else is in order, and what it issued is the principal's.
#[test]
fn a_ca_issues_the_certificate_last() {
    let stage = Stage::new();
    let (status, _, problems) = stage.cert("init --ca pki --name Example --by me");
    assert_eq!(status, 0, "{problems}");
    stage.write("weir.yaml", &CONFIG.replace("client_ca: ca.pem", "client_ca: pki/ca.pem"));
    let listed = || stage.cert("list --ca pki --json").1;
    let nothing = listed();
    stage.write("taken", "kept");
    let issue = "--ca pki --ticket T1 --by me";
    let strangers = stage.refused(&format!("tool --out out {issue}"));
    assert!(strangers.starts_with("no client would trust the server: ") && strangers.contains("--ca-certificate"));
    let bundle = format!("{issue} --ca-certificate ca.pem");
    for arguments in
        ["idle --out out", "tool --out taken", "tool --out none/out", "tool --out t.tgz", "nobody --out out"]
    {
        stage.refused(&format!("{arguments} {bundle}"));
    }
    assert_eq!(listed(), nothing, "no certificate was issued for what could not be made");

    stage.bundle(&format!("tool --out out --days 10 {bundle}"));
    let manifest = stage.manifest("out");
    assert!(listed().contains(&manifest.serial), "{}", listed());
    assert!((9..=10).contains(&(manifest.not_after - time::OffsetDateTime::now_utc()).whole_days()));
    assert!(stage.read("out/client.key").starts_with("-----BEGIN PRIVATE KEY-----"));
    let again = "tool --out again --certificate out/client.pem --key out/client.key --ca-certificate out/ca.pem";
    stage.bundle(again);
    assert_eq!(stage.manifest("again").serial, manifest.serial);

    let (status, _, problems) = stage.cert("csr tool --out theirs");
    assert_eq!(status, 0, "{problems}");
    let (status, _, problems) = stage.cert(&format!("sign theirs/tool.csr --principal tool --out signed {issue}"));
    assert_eq!(status, 0, "{problems}");
    stage.bundle("tool --out after --certificate signed/tool.pem --ca-certificate ca.pem");
    let theirs = stage.read("theirs/tool.key");
    let line = theirs.lines().nth(1).unwrap();
    for entry in fs::read_dir(stage.path().join("after")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.is_dir() || !fs::read_to_string(&path).unwrap().contains(line), "{}", path.display());
    }
}
