//! docs/operate/first-day.md: its commands, in their order, in an empty directory, before real Kafka. The page is the
//! script.

#[path = "pages/mod.rs"]
mod pages;

use std::time::Instant;

use pages::{Page, Shell};
use weir_testkit::ports::Block;
use weir_testkit::{Kafka, Version, names};

const PAGE: &str = "docs/operate/first-day.md";
const TOPICS: [&str; 2] = ["eqiad.mediawiki.recentchange", "codfw.mediawiki.recentchange"];
/// Begins each block's output, before the time.
const MARK: &str = "@block ";
const RECORD: &str = r#"{"meta":{"id":"the-first-record-outside","domain":"xx.wiki.example"}}"#;

#[test]
fn from_an_empty_directory_to_the_first_record_outside() {
    weir_testkit::require!(names::resolve());
    let kafka = Kafka::shared(Version::V4);
    for topic in TOPICS {
        kafka.create_topic(topic, 1, 3, &[]);
        kafka.produce(topic, 0, RECORD.as_bytes());
    }
    let page = Page::read(PAGE);
    let mut commands = page.blocks.iter().filter(|block| block.kind == "sh");
    let yours = commands.next().expect("the variables");
    let block = Block::claim();
    let mut shell = Shell::new("first-day", "/nowhere");
    for (name, value) in [
        ("HOST", names::HOST.to_owned()),
        ("BROKERS", kafka.bootstrap().join(",")),
        ("LISTEN", format!("127.0.0.1:{}", block.first + 1)),
        ("ADMIN", format!("127.0.0.1:{}", block.first)),
    ] {
        assert!(yours.text.contains(&format!("\n{name}=")), "{name} is yours");
        shell.set(name, &value);
    }
    shell.set("USER", "operator");
    let script: String = commands.map(|block| format!("date '+{MARK}%s.%N'\n{}", block.text)).collect();
    // What is started ends with the script, however that ends.
    let leash = "trap '[ -z \"${SERVE:-}\" ] || kill \"$SERVE\" 2>/dev/null' EXIT\n";
    let begun = Instant::now();
    let (status, printed, said) = shell.run_whole(&format!("{leash}{script}"));
    let took = begun.elapsed();
    let log = std::fs::read_to_string(shell.at("weir.log")).unwrap_or_default();
    assert_eq!(status, 0, "{printed}\n{said}\n{log}");
    let to_record = seconds_of(&printed, RECORD);
    println!("bundle to first record: {to_record:.2} s; all commands of the page: {:.1} s", took.as_secs_f64());
    let steps = [
        "acl/principals/first-tool.yaml\n",
        "+ mediawiki.recentchange: ",
        "\nok\n",
        "allowed: grant",
        "\nready",
        RECORD,
    ];
    let mut rest = printed.as_str();
    for step in steps {
        rest = rest.split_once(step).unwrap_or_else(|| panic!("no {step:?} in its place:\n{printed}")).1;
    }
    for planted in kafka.planted() {
        assert!(!rest.contains(&planted), "{planted}: {rest}");
    }
}

/// How long the block took that printed this.
fn seconds_of(printed: &str, text: &str) -> f64 {
    let blocks: Vec<(f64, &str)> = printed
        .split(MARK)
        .skip(1)
        .map(|block| block.split_once('\n').expect("a line"))
        .map(|(at, printed)| (at.parse().expect("a time"), printed))
        .collect();
    let found = blocks.windows(2).find(|pair| pair[0].1.contains(text)).expect("a block and one after it");
    found[1].0 - found[0].0
}

/// What `weir init` prints as next steps is what the page goes on with.
#[test]
fn the_next_steps_of_init_are_those_of_the_page() {
    let page = Page::read(PAGE);
    let typed: Vec<&str> =
        page.blocks.iter().filter(|block| block.kind == "sh").flat_map(|block| block.text.lines()).collect();
    let shell = Shell::new("first-day-steps", "/nowhere");
    let printed =
        shell.run("weir init --host kafka.example.org --bootstrap k1:9092 --principal first-tool --contact me --yes");
    let (_, steps) = printed.split_once("# What comes now:\n").expect("next steps");
    let commands: Vec<&str> = steps.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(commands.len() >= 8, "{steps}");
    for command in commands {
        let of_page = |line: &str| line.replace('"', "'").replace("$HOST", "kafka.example.org");
        let words: Vec<&str> = command.split(" --ticket ").collect();
        let found = typed.iter().any(|line| of_page(line).starts_with(words[0]));
        assert!(found, "{command} is not on the page");
    }
}
