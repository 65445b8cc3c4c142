//! The commands, configurations and the program of the pages on data centres, as they stand there.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use weir_testkit::paths;

use super::page_shell::{Page, Shell};
use super::stage::{EVENTS, READER, Stage};
use super::{offsets, text_of};

const FOR_CLIENTS: &str = "docs/clients/offsets.md";
const FOR_OPERATORS: &str = "docs/operate/datacentres.md";

#[test]
fn the_commands_for_consumers_do_what_the_page_says() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    offsets::with_records(stage);
    let page = Page::read(FOR_CLIENTS);
    let mut shell = Shell::new("offsets-page", "/nowhere");
    let bundle = stage.bundle(READER);
    for file in ["bundle.json", "client.pem", "client.key", "ca.pem"] {
        shell.put(file, &text_of(&bundle.path(file)));
    }
    let at = offsets::time_of(5);
    for (name, value) in [("GROUP", "page"), ("TIME", &at), ("TOPIC", EVENTS), ("OTHER", &stage.codfw_bootstrap())] {
        shell.set(name, value);
    }
    let blocks: Vec<_> = page.blocks.iter().filter(|block| block.kind == "sh").collect();
    assert_eq!(blocks.len(), 3, "each is typed here");
    let said = shell.run(&blocks[0].text);
    assert!(said.contains("(--dry-run)") && said.ends_with("no record there is as new\n"), "{said}");
    assert!(shell.run(&blocks[1].text).contains(&format!("group page at {}", stage.codfw_bootstrap())));
    let said = shell.run(&blocks[2].text);
    let object: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    assert_eq!(object["committed"], true);
    let real = format!("weir.{READER}.page");
    assert_eq!(stage.eqiad.committed(&real)[&(EVENTS.to_owned(), 1)], 0, "the last one began at the first record");
    assert_eq!(stage.codfw.committed(&real)[&(EVENTS.to_owned(), 1)], 10);
}

#[test]
fn the_configuration_before_both_clusters_is_one() {
    let page = Page::read(FOR_OPERATORS);
    let (name, text) = page.files().find(|(name, _)| *name == "both.yaml").expect("the page has it");
    let shell = Shell::new("both-page", "/nowhere");
    let root = paths::root();
    shell.put(name, &text.replace("policy: acl", &format!("policy: {}", root.join("acl").display())));
    let (status, out, err) = shell.run_whole(&format!("weir check -c {name}"));
    let told = out + &err;
    // It has no certificates: nothing else is wrong with it.
    let wrong: Vec<_> = told.lines().filter(|line| line.contains(name) && !line.contains("tls/")).collect();
    assert!(status != 0 && wrong.is_empty() && told.contains("tls/server.pem"), "{told}");
}

fn event(id: u32, page: u32, revision: u32, second: u32) -> Value {
    let dt = format!("2026-11-22T00:{:02}:{:02}Z", second / 60, second % 60);
    let topic = if id.is_multiple_of(2) { "eqiad" } else { "codfw" };
    json!({
        "$schema": "/mediawiki/page/change/1.2.0",
        "meta": { "id": format!("id-{id}"), "dt": dt, "domain": "de.wikipedia.org", "stream": format!("{topic}.page_change") },
        "dt": dt, "wiki_id": "dewiki", "page_change_kind": "edit",
        "page": { "page_id": page, "page_title": "\u{e4}" }, "revision": { "rev_id": revision },
    })
}

/// What `reorder.py` makes of events: the ids that came out, and which of them were too late.
fn reordered(events: &[Value], hold: &str) -> (Vec<String>, Vec<String>) {
    let mut command = Command::new("timeout");
    command.args(["60", "python3"]).arg(paths::root().join("docs/operate/reorder.py")).args(["--hold", hold]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 starts");
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writing.join().expect("a thread").expect("it takes all events");
    assert!(output.status.success());
    let out: Vec<Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let id = |event: &Value| event["meta"]["id"].as_str().expect("an id").trim_start_matches("id-").to_owned();
    let late = out.iter().filter(|event| event["late"] == true).map(id).collect();
    (out.iter().map(id).collect(), late)
}

#[test]
fn the_recipe_puts_the_changes_of_each_page_in_order() {
    // Two pages, from two data centres around a fail-over: the second centre's newest first, what the overlap brings again, a
    // clock that is 3 s behind (revision 103 is older by its time than 102), and a canary.
    let canary = json!({ "meta": { "id": "canary", "dt": "2026-11-22T00:00:09Z", "domain": "canary" } });
    let events = [
        event(4, 1, 104, 20),
        event(5, 2, 201, 12),
        event(1, 1, 101, 10),
        canary,
        event(2, 1, 102, 15),
        event(1, 1, 101, 10),
        event(3, 1, 103, 12),
        event(6, 2, 202, 14),
        event(4, 1, 104, 20),
        // A minute on: all of the above goes out.
        event(7, 3, 301, 90),
        // And what comes only now is marked.
        event(8, 1, 100, 9),
        event(9, 1, 105, 91),
    ];
    let (out, late) = reordered(&events, "60");
    let of_page = |ids: &[&str]| out.iter().filter(|id| ids.contains(&id.as_str())).cloned().collect::<Vec<_>>();
    assert_eq!(out.len(), 9, "each once: {out:?}");
    assert_eq!(of_page(&["1", "2", "3", "4", "8", "9"]), ["1", "2", "3", "4", "8", "9"]);
    assert_eq!(of_page(&["5", "6"]), ["5", "6"]);
    assert_eq!(late, ["8"]);
    // Held for nothing, they come as they came, and what is too late is marked.
    let (out, late) = reordered(&events[..5], "0");
    assert_eq!((out.len(), late), (4, vec!["1".to_owned(), "2".to_owned()]));
}

#[test]
fn the_recipe_holds_on_a_long_stream() {
    // 20,000 edits of 50 pages; each comes up to 30 s late, and every tenth again.
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut events: Vec<(u64, Value)> = Vec::new();
    for number in 0..20_000_u32 {
        let (second, page) = (number / 20, u32::try_from(next(50)).expect("small"));
        let one = event(number, page, number + 1, second);
        let comes = u64::from(second) + next(30);
        if next(10) == 0 {
            events.push((comes + next(20), one.clone()));
        }
        events.push((comes, one));
    }
    events.sort_by_key(|(comes, _)| *comes);
    let events: Vec<Value> = events.into_iter().map(|(_, event)| event).collect();
    let (out, late) = reordered(&events, "60");
    assert_eq!((out.len(), late.len()), (20_000, 0));
    let mut last = std::collections::BTreeMap::new();
    let pages: std::collections::BTreeMap<String, u64> = events
        .iter()
        .map(|event| {
            (event["meta"]["id"].as_str().unwrap()[3..].to_owned(), event["page"]["page_id"].as_u64().unwrap())
        })
        .collect();
    for id in &out {
        let number: u32 = id.parse().expect("a number");
        let before = last.insert(pages[id], number);
        assert!(before < Some(number), "{before:?} before {number}");
    }
}
