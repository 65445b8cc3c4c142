//! What holds the house: which crate may know which, what may stand in which file, and that the pages tell the truth.
//!
//! These tests read sources, manifests and pages; they run nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "house/repository.rs"]
mod repository;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use repository::{crates, files, files_of, pages, product_code, quoted, root, text, tree_of};

/// The crates of the `weir` binary, each with those of the house that it may know.
const SHIPPED: [(&str, &[&str]); 5] = [
    ("weir-pki", &[]),
    ("weir-policy", &[]),
    ("weir-kafka", &["weir-policy"]),
    ("weir-server", &["weir-policy", "weir-kafka"]),
    ("weir", &["weir-policy", "weir-kafka", "weir-server", "weir-pki"]),
];

#[test]
fn the_crates_point_one_way() {
    let crates = crates();
    for (name, may_know) in SHIPPED {
        let known = crates[name].product.iter().filter(|dependency| crates.contains_key(*dependency));
        for dependency in known {
            assert!(may_know.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

#[test]
fn pure_crates_have_no_runtime_and_no_tls() {
    let policy = tree_of("weir-policy");
    let kafka = tree_of("weir-kafka");
    for (name, tree) in [("weir-policy", &policy), ("weir-kafka", &kafka)] {
        for impure in ["tokio", "mio", "rustls", "tracing", "rustix"] {
            assert!(!tree.contains(impure), "{name} must not depend on {impure}");
        }
    }
    assert!(!policy.contains("kafka-protocol"), "policy does not know Kafka's bytes");
    assert!(!crates()["weir-server"].product.contains("kafka-protocol"), "weir-kafka alone speaks Kafka");
}

#[test]
fn librdkafka_is_not_in_the_weir_binary() {
    let tree = tree_of("weir");
    assert!(tree.contains("rustls") && tree.contains("kafka-protocol"), "this is the whole tree");
    for c_code in ["rdkafka", "rdkafka-sys", "openssl-sys", "libz-sys"] {
        assert!(!tree.contains(c_code), "{c_code} belongs to the demo and the tests");
    }
}

#[test]
fn no_crate_has_unsafe_code() {
    let workspace = text("Cargo.toml");
    assert!(workspace.contains("[workspace.lints.rust]\nunsafe_code = \"forbid\""));
    for (name, found) in crates() {
        let manifest = text(found.directory.join("Cargo.toml"));
        let forbids = manifest.contains("[lints]\nworkspace = true") || manifest.contains("unsafe_code = \"forbid\"");
        assert!(forbids, "{name} does not forbid unsafe code");
    }
}

#[test]
fn what_a_strangers_bytes_reach_may_not_panic() {
    let workspace = text("Cargo.toml");
    for lint in ["unwrap_used", "expect_used", "panic", "indexing_slicing", "todo", "unreachable"] {
        assert!(workspace.contains(&format!("\n{lint} = \"deny\"")), "clippy::{lint} is not denied");
    }
    let crates = crates();
    for (name, _) in SHIPPED {
        let manifest = text(crates[name].directory.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not take the workspace's lints");
        let allowed = product_code(&format!("crates/{name}/src")).into_iter().find(|(_, code)| {
            let mut allows = code.lines().filter(|line| line.contains("#![allow(") || line.contains("#[allow("));
            allows.any(|line| line.contains("clippy::"))
        });
        assert!(allowed.is_none(), "{:?} allows what the house denies", allowed.map(|(path, _)| path));
    }
}

#[test]
fn w1_what_goes_to_a_broker_is_cleared() {
    let sources = [product_code("crates/weir-kafka/src"), product_code("crates/weir-server/src")].concat();
    let with = |needle: &str| -> Vec<String> {
        let holding = sources.iter().filter(|(_, code)| code.lines().any(|line| code_of(line).contains(needle)));
        holding.map(|(path, _)| path.display().to_string()).collect()
    };
    let origins = ["check/ask.rs", "cleared.rs", "sasl.rs", "session/request.rs"]
        .map(|file| format!("crates/weir-kafka/src/{file}"));
    assert_eq!(with("Cleared::judged("), origins, "a check's, Weir's own, who Weir is, and a judged request");
    let writers = ["crates/weir-server/src/connection/broker.rs", "crates/weir-server/src/upstream/exchange.rs"];
    assert_eq!(with(".into_frame()"), writers, "the two that write to brokers");
    let broker = text(writers[0]);
    let written: Vec<&str> = broker.lines().filter(|line| line.contains("link.put")).map(str::trim).collect();
    assert_eq!(written, ["self.link.put_owned(cleared.into_frame());"], "nothing else is written to a client's broker");
}

/// What `weir check --live` tries at the brokers is made where it is sent from, and that is reached by one command: a Weir
/// that serves has no way to it.
#[test]
fn w13_nothing_but_a_check_can_try_what_is_forbidden() {
    let naming = |directory: &str, needles: &[&str]| -> Vec<String> {
        let names = |code: &str| code.lines().any(|line| needles.iter().any(|needle| code_of(line).contains(needle)));
        let sources = product_code(directory).into_iter().filter(|(_, code)| names(code));
        sources.map(|(path, _)| path.display().to_string()).collect()
    };
    let live = "crates/weir-server/src/operator/live/";
    let tries = naming("crates/weir-server/src", &["weir_kafka::check", "check::"]);
    assert!(tries.contains(&format!("{live}wall.rs")), "{tries:?}");
    let elsewhere: Vec<_> = tries.iter().filter(|path| !path.starts_with(live)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?} may not name what is forbidden");
    let inside = naming("crates/weir-kafka/src", &["crate::check", "Trial"]);
    assert!(inside.iter().all(|path| path.starts_with("crates/weir-kafka/src/check")), "{inside:?}");
    for other in ["crates/weir/src", "crates/weir-policy/src", "crates/weir-pki/src"] {
        assert_eq!(naming(other, &["weir_kafka::check"]), <[String; 0]>::default());
    }
    assert_eq!(naming("crates/weir/src", &["check_live"]), ["crates/weir/src/check.rs"], "one command looks so");
}

#[test]
fn w2_nothing_is_decoded_before_the_gate() {
    for (path, code) in product_code("crates/weir-kafka/src") {
        let behind_the_gate = path.ends_with("codec.rs");
        let decodes = code.lines().map(code_of).find(|line| line.replace("codec::decode(", "").contains("::decode("));
        assert_eq!(behind_the_gate, decodes.is_some(), "{}: {decodes:?}", path.display());
        if behind_the_gate {
            let walked = code.find("gate::walk(").expect("codec.rs walks");
            assert!(walked < code.find("M::decode(").expect("codec.rs decodes"), "the gate comes first");
        }
    }
}

/// Readers that go by a body's fields without looking at what the gate looks at: where they are called, it has walked.
#[test]
fn w2_bytes_are_read_by_hand_only_behind_the_gate() {
    let sources = product_code("crates/weir-kafka/src");
    let behind = |reader: &str, gates: &[&str]| -> Vec<String> {
        let mut callers = Vec::new();
        for (path, code) in &sources {
            let code: String = code.lines().map(|line| format!("{}\n", code_of(line))).collect();
            let called = code.match_indices(reader).find(|(place, _)| !code[..*place].ends_with("fn "));
            let Some((place, _)) = called else { continue };
            let walked = gates.iter().any(|gate| code[..place].contains(gate));
            assert!(walked, "{} calls {reader} and has not walked before", path.display());
            callers.push(path.strip_prefix("crates/weir-kafka/src").unwrap().display().to_string());
        }
        callers
    };
    assert_eq!(behind("FetchBody::read(", &["request.walk()"]), ["apis/fetch/mod.rs"]);
    assert_eq!(behind("MetadataBody::read(", &["gate::walk("]), ["apis/metadata/mod.rs"]);
    assert!(!behind("known_only(", &["gate::walk("]).is_empty());
    assert!(!behind(".own_group(", &["known_body()"]).is_empty());
    assert!(!behind("skim::all(", &["known_body()", "gate::walk("]).is_empty());
    behind("skim::list(", &[".passed()"]);
    assert_eq!(
        behind("skim::first_text(", &["known_body("]),
        ["apis/request.rs"],
        "`own_group` alone, which is given it"
    );

    let by_hand = sources.iter().filter(|(_, code)| code.lines().any(|line| code_of(line).contains("Reader::new(")));
    let by_hand: Vec<_> =
        by_hand.map(|(path, _)| path.strip_prefix("crates/weir-kafka/src").unwrap().display().to_string()).collect();
    assert_eq!(by_hand, READ_BY_HAND, "a new reader has its line above, too");
}

/// What reads bytes by hand: the gate and what comes before it, readers of walked bodies, of the opaque bytes in them,
/// and the walk over a Fetch answer, which is a gate of its own.
const READ_BY_HAND: [&str; 14] = [
    "apis/fetch/endpoints.rs",
    "apis/fetch/request.rs",
    "apis/fetch/walk/mod.rs",
    "apis/fetch/walk/pieces.rs",
    "apis/fetch/walk/tags.rs",
    "apis/member_bytes.rs",
    "apis/metadata/request.rs",
    "apis/offset_commit.rs",
    "apis/subscription.rs",
    "frame.rs",
    "gate.rs",
    "header.rs",
    "known.rs",
    "skim.rs",
];

#[test]
fn w11_pure_crates_ask_no_clock_and_touch_no_file() {
    let impure =
        ["Instant::now", "SystemTime", "UnixTime", "std::fs", "std::env", "File::", "TcpStream", "std::thread"];
    for (path, code) in [product_code("crates/weir-policy/src"), product_code("crates/weir-kafka/src")].concat() {
        for line in code.lines().map(code_of) {
            let found = impure.iter().find(|word| line.contains(**word));
            assert!(found.is_none(), "{}: {line}", path.display());
        }
    }
}

#[test]
fn every_source_says_what_it_is_for() {
    for (path, code) in [product_code("crates"), product_code("tests")].concat() {
        assert!(code.starts_with("//!"), "{} does not begin with what it is for", path.display());
    }
}

/// A page of one line for each: `` - `name`: why ``. Those of the binary stand first.
#[test]
fn every_dependency_has_its_line_and_every_line_its_dependency() {
    let page = text("docs/dependencies.md");
    let (binary, beside) = page.split_once("\n## Beside it").expect("a part for what does not ship");
    let crates = crates();
    let all = |of: &dyn Fn(&str) -> bool, tests: bool| -> BTreeSet<String> {
        let wanted = crates.iter().filter(|(name, _)| of(name));
        let direct = wanted.flat_map(|(_, found)| found.product.iter().chain(found.tests.iter().filter(|_| tests)));
        direct.filter(|name| !crates.contains_key(*name)).cloned().collect()
    };
    let shipped = all(&|name| SHIPPED.iter().any(|(shipped, _)| *shipped == name), false);
    let others: BTreeSet<String> = all(&|_| true, true).difference(&shipped).cloned().collect();
    assert_eq!(listed(binary), shipped, "left: docs/dependencies.md, right: what the `weir` binary depends on");
    assert_eq!(listed(beside), others, "left: docs/dependencies.md, right: what the rest depends on");
}

fn listed(part: &str) -> BTreeSet<String> {
    let lines = part.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: "));
    lines.filter(|(_, why)| why.len() > 10).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let page = text("docs/invariants.md");
    let names = function_names();
    for number in 1..=12 {
        let row = page.lines().find(|line| line.starts_with(&format!("| W{number} |")));
        let row = row.unwrap_or_else(|| panic!("W{number} has no row"));
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
        let tests = quoted(shown);
        assert!(!tests.is_empty() || shown.starts_with("open: "), "W{number} names no test and is not open");
        for test in tests {
            assert!(names.contains(test), "W{number}: there is no test {test}");
        }
    }
}

#[test]
fn what_a_page_names_exists() {
    let names = function_names();
    let all = files(".");
    for page in pages() {
        let text = text(&page);
        for name in quoted(&text) {
            let is_word = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            // A metric: `docs/operate/metrics.md` has them all, and a test of its own.
            let is_metric = name.starts_with("weir_");
            let is_function = name.ends_with("()") || (is_word && !is_metric && name.matches('_').count() >= 4);
            let function = name.trim_end_matches("()").rsplit("::").next().unwrap_or_default();
            let missing = (is_function && !names.contains(function)) || (is_path(name) && !exists(name, &all));
            assert!(!missing, "{} names `{name}`, which does not exist", page.display());
        }
    }
}

#[test]
fn the_map_has_every_file() {
    let page = text("docs/architecture.md");
    let named: BTreeSet<&str> = quoted(&page).into_iter().collect();
    for name in ["weir-policy", "weir-kafka", "weir-server", "weir-pki"] {
        let source = format!("crates/{name}/src");
        for path in files_of(&source, "rs") {
            let inside = path.strip_prefix(&source).unwrap();
            let top = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
            let entry = if inside.components().count() > 1 { format!("{top}/") } else { top };
            // A directory beside a file of its name holds that file's parts.
            let file = entry.replace('/', ".rs");
            let is_named = named.contains(entry.as_str()) || named.contains(file.as_str()) || entry == "lib.rs";
            assert!(is_named, "docs/architecture.md does not say what {source}/{entry} is for");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = text(&page);
        for target in links(&text).filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let directory = page.parent().unwrap_or(Path::new(""));
            let path = if file.is_empty() { page.clone() } else { directory.join(file) };
            assert!(root().join(&path).exists(), "{} links to {target}, which does not exist", page.display());
            let found = anchor.is_empty() || headings(&path).any(|heading| heading == anchor);
            assert!(found, "{} links to {target}, and there is no such heading", page.display());
        }
    }
}

/// The line without its comment.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The names of all functions in Rust sources.
fn function_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in [files_of("crates", "rs"), files_of("tests", "rs")].concat() {
        for part in text(&path).split("fn ").skip(1) {
            names.extend(part.split_once(['(', '<']).map(|(name, _)| name.to_owned()));
        }
    }
    names
}

/// Whether a quoted word is meant as a path of this repository.
fn is_path(name: &str) -> bool {
    let starts = ["crates/", "tests/", "acl/", "docs/"].iter().any(|start| name.starts_with(start));
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    plain && (starts || name.ends_with(".rs"))
}

/// A path counts from the root; a shorter one may be the end of a longer.
fn exists(name: &str, all: &[PathBuf]) -> bool {
    root().join(name).exists() || all.iter().flat_map(|path| path.ancestors()).any(|path| path.ends_with(name))
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next())
}

/// The anchors of a page's headings, as code hosts make them.
fn headings(path: &Path) -> impl Iterator<Item = String> {
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|next| next.is_alphanumeric() || matches!(next, ' ' | '-' | '_'));
        kept.map(|next| if next == ' ' { '-' } else { next }).collect::<String>()
    };
    let lines: Vec<String> = text(path).lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    lines.into_iter()
}
