//! docs/migrate-from-eventstreams.md: every file, command and program on it is used as it stands there, before real Kafka
//! and beside a stand-in for EventStreams.

mod pages;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pages::{Block, Page, Shell};
use serde_json::{Value, json};
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, clients, paths, wait};

const PAGE: &str = "docs/migrate-from-eventstreams.md";
const EAST: &str = "eqiad.mediawiki.recentchange";
const WEST: &str = "codfw.mediawiki.recentchange";

/// An event as it is in Kafka: the number is in its id, and its time is in the past, so that windows are exact.
fn event(number: u32, domain: &str) -> Value {
    let at = format!("2026-11-22T00:{:02}:{:02}Z", number / 60, number % 60);
    let id = format!("00000000-0000-0000-0000-{number:012}");
    json!({"$schema": "/mediawiki/recentchange/1.0.0", "meta": {"id": id, "dt": at, "domain": domain,
        "stream": "mediawiki.recentchange"}, "type": "edit", "comment": "\u{e4} \"quoted\""})
}

/// Kafka, Weir, and the directory of a bundle.
struct Stage {
    kafka: Arc<Kafka>,
    _weir: Weir,
    shell: Shell,
}

impl Stage {
    fn open(python: &str) -> Self {
        let kafka = Kafka::shared(Version::V4);
        for topic in [EAST, WEST] {
            kafka.create_topic(topic, 1, 3, &[]);
        }
        let acl = Acl::new(&[EAST, WEST]).principal(PrincipalSpec::new("mover", &[EAST, WEST]));
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl));
        let mut shell = Shell::new("migrate", python);
        let settings = Pki::shared().client("mover").rdkafka_settings();
        let lines: String = settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let common = format!("bootstrap.servers={}\n{lines}auto.offset.reset=earliest\n", weir.bootstrap());
        shell.put("kcat.conf", &common);
        shell.put("librdkafka.conf", &format!("# As in a bundle.\n{common}enable.auto.commit=false\n"));
        // Only as long as the test needs: the page's `timeout` ends what it runs when this file is there.
        shell.put_program(
            "timeout",
            "shift; \"$@\" & child=$!; i=0
while [ ! -e day-is-over ] && [ $i -lt 1500 ]; do sleep 0.1; i=$((i + 1)); done
kill $child 2>/dev/null; wait $child; exit 124",
        );
        Self { kafka, _weir: weir, shell }
    }

    fn produce(&self, topic: &str, numbers: impl IntoIterator<Item = u32>) {
        produce(&self.kafka, &self.shell, topic, numbers.into_iter().map(|number| event(number, "xx").to_string()));
    }
}

/// Writes values to partition 0 of a topic, past Weir.
fn produce(kafka: &Kafka, shell: &Shell, topic: &str, values: impl Iterator<Item = String>) {
    let file = format!("to-{topic}.jsonl");
    shell.put(&file, &values.map(|value| value + "\n").collect::<String>());
    shell.run(&format!("kcat -P -b {} -t {topic} -p 0 -l {file}", kafka.bootstrap().join(",")));
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// The interpreter of the tests' virtual environment.
fn python() -> Result<PathBuf, String> {
    clients::ready("confluent-python").map(|_| paths::target().join("venv/bin"))
}

/// The numbers of the events in JSON lines.
fn numbers(lines: &str) -> Vec<u32> {
    let number = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        event["meta"]["id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
    };
    lines.lines().map(number).collect()
}

/// What the page shows of commands without Kafka is what they print. `WEIR_BLESS=1` writes the page.
#[test]
fn the_import_on_the_page_prints_what_the_page_shows() {
    let page = Page::read(PAGE);
    let shell = Shell::new("migrate-import", "/nowhere");
    let root = paths::root();
    for acl in ["acl", "acl.served"] {
        std::fs::create_dir_all(shell.at(acl).join("principals")).unwrap();
        for file in ["never.yaml", "tiers.yaml"] {
            std::fs::copy(root.join("acl").join(file), shell.at(acl).join(file)).unwrap();
        }
    }
    shell.put("acl.served/catalogue.yaml", "streams: []\n");
    page.files().for_each(|(name, text)| shell.put(name, text));
    let shown = page.with_consoles(|command| shell.printed(command));
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(root.join(PAGE), &shown).unwrap();
    }
    assert_eq!(Page::read(PAGE).text, shown, "left: the page, right: what is printed; WEIR_BLESS=1 writes it");
    assert!(
        shown.contains("\n+ mediawiki.recentchange: ") && shown.contains("\nleft out: "),
        "it has what the text says"
    );
}

#[test]
fn a_consumer_moves_over() {
    let bin = weir_testkit::require!(python());
    let page = Page::read(PAGE);
    let mut stage = Stage::open(&bin.display().to_string());
    page.files().for_each(|(name, text)| stage.shell.put(name, text));
    a_group_begins_where_the_stream_was(&mut stage, &page);
    two_days_are_compared(&mut stage, &page);
}

/// `since.py`, by a time and by a Last-Event-ID; kcat by a time.
fn a_group_begins_where_the_stream_was(stage: &mut Stage, page: &Page) {
    stage.produce(EAST, 0..3);
    stage.produce(WEST, 3..5);
    // Brokers and this test look at one clock: what is written from the next millisecond on is new.
    let begin = now_ms();
    let passed = || (now_ms() > begin + 1).then_some(()).ok_or_else(|| "not yet".to_owned());
    wait::until("the next millisecond", Duration::from_secs(5), passed);
    let since = now_ms();
    stage.produce(EAST, 5..9);

    let read = |shell: &Shell, group: &str| {
        let all = format!("kcat -F kcat.conf -G {group} -e -q {EAST} {WEST}");
        let mut read = numbers(&shell.run(&all));
        read.sort_unstable();
        read
    };
    let set = stage.shell.run(&format!("python3 since.py by-time {since} {EAST} {WEST}"));
    assert_eq!(set, format!("{EAST} 0 3\n{WEST} 0 2\n"), "the second topic has nothing that new: its end");
    assert_eq!(read(&stage.shell, "by-time"), [5, 6, 7, 8]);
    let seconds = format!("python3 since.py by-second 2020-01-01T00:00:00Z {EAST} {WEST}");
    assert_eq!(stage.shell.run(&seconds), format!("{EAST} 0 0\n{WEST} 0 0\n"));

    // The time that EventStreams writes there is that of the last record and a millisecond.
    let last = stage.shell.run(&format!("kcat -F kcat.conf -C -t {EAST} -o 1 -c 1 -e -q -f '%T\\n'"));
    let last: u128 = last.trim().parse().unwrap();
    let id = json!([{"topic": EAST, "partition": 0, "timestamp": last + 1}, {"topic": WEST, "partition": 0, "offset": -1},
        {"topic": "eqiad.other", "partition": 0, "timestamp": 1}]);
    let set = stage.shell.run(&format!("python3 since.py by-id '{id}' {EAST} {WEST}"));
    let offset: u32 = set.strip_prefix(&format!("{EAST} 0 ")).unwrap().trim().parse().unwrap();
    assert!(offset <= 1, "the last event comes again rather than that one of its millisecond is lost: {set}");

    stage.shell.set("SINCE_MS", &since.to_string());
    let look = page.command_with("-o s@");
    assert_eq!(numbers(&stage.shell.run(look)), [5, 6, 7, 8]);
}

/// Both run, and what either missed is told.
fn two_days_are_compared(stage: &mut Stage, page: &Page) {
    let address = event_streams((2000..2400).filter(|number| *number != 2190));
    stage.shell.set("EVENTSTREAMS", &format!("http://{address}"));
    stage.shell.set("A_DAY", "86400");
    let producer = thread::spawn({
        let (kafka, shell) = (Arc::clone(&stage.kafka), stage.shell.clone());
        move || write_a_day(&kafka, &shell)
    });
    stage.shell.run(page.command_with("A_DAY"));
    producer.join().expect("all was produced");

    let (status, told) = stage.shell.try_run(page.command_with("compare.py"));
    let id = |number: u32| format!("00000000-0000-0000-0000-{number:012}");
    let line = |number: u32| {
        format!("  2026-11-22T00:{:02}:{:02}+00:00 mediawiki.recentchange {}\n", number / 60, number % 60, id(number))
    };
    let expected = format!(
        "eventstreams.jsonl: 399 events, 0 of them again, 0 lines that are no events\n\
         kafka.jsonl: 398 events, 0 of them again, 1 lines that are no events\n\
         from 2026-11-22T00:34:20+00:00 to 2026-11-22T00:38:59+00:00: 277 in both\n\
         only in eventstreams.jsonl: 2\n{}{}only in kafka.jsonl: 1\n{}",
        line(2200),
        line(2201),
        line(2190)
    );
    assert_eq!((status, told), (1, expected));
    let same = stage.shell.try_run("python3 compare.py kafka.jsonl kafka.jsonl");
    assert!(same.0 == 0 && same.1.contains("only in kafka.jsonl: 0"), "{same:?}");
}

/// Writes what a day brings once the reader has its offsets, waits until it was read, and ends the day.
fn write_a_day(kafka: &Kafka, shell: &Shell) {
    let read = || std::fs::read_to_string(shell.at("kafka.jsonl")).map_err(|error| error.to_string());
    wait::until("a consumer", Duration::from_secs(90), read);
    let written = |rest: u32| (2000..2400).filter(move |number| number % 2 == rest && ![2200, 2201].contains(number));
    let values = |rest: u32| written(rest).map(|number| event(number, "xx").to_string());
    let others = [event(2150, "canary").to_string(), "no event".to_owned()];
    produce(kafka, shell, EAST, values(0).chain(others));
    produce(kafka, shell, WEST, values(1));
    wait::until("all of it", Duration::from_secs(60), || match read()?.lines().count() {
        400 => Ok(()),
        lines => Err(format!("{lines} lines")),
    });
    shell.put("day-is-over", "");
}

/// A service that answers one request for the stream as JSON lines, each with what EventStreams adds. It ends with the test.
fn event_streams(numbers: impl Iterator<Item = u32>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let lines: String = numbers
        .map(|number| {
            let mut event = event(number, "xx");
            let added = json!({"topic": EAST, "partition": 0, "offset": number});
            for (key, value) in added.as_object().unwrap() {
                event["meta"][key] = value.clone();
            }
            format!("{event}\n")
        })
        .collect();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let head: Vec<String> =
            BufReader::new(&client).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        assert_eq!(head[0], "GET /v2/stream/mediawiki.recentchange HTTP/1.1");
        assert!(head.iter().any(|line| line.eq_ignore_ascii_case("accept: application/json")), "{head:?}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{lines}");
        client.write_all(answer.as_bytes()).expect("the client listens");
    });
    address
}

#[test]
fn every_block_of_the_page_is_used_by_a_test() {
    let page = Page::read(PAGE);
    let used = |block: &Block| match block.kind.as_str() {
        "console" => true,
        "sh" => ["-o s@", "A_DAY", "compare.py"].iter().any(|part| block.text.contains(part)),
        "python" | "yaml" => block.name().is_some(),
        _ => false,
    };
    for block in &page.blocks {
        assert!(used(block), "no test uses {block:?}");
    }
    assert!(page.blocks.len() >= 9);
}
