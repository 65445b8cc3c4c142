//! The mirror stops, the source loses a broker, the public cluster loses one, and then the public cluster is lost:
//! consumers go on by themselves, and at last in the other data centre, by time.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_testkit::{Identity, Pki, bundle, paths, wait, weir_binary};

use crate::Form;
use crate::cluster::{PARTITIONS, READER};
use crate::crowd::Reader;
use crate::figure::{Figure, Report};
use crate::mirrored::{Site, Sites, TOPIC};
use crate::writer::Writer;

const RATE: u32 = 150;
/// So much time is read again: a mirror is this far behind at the most, and records are written in the order of their times.
const OVERLAP: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(180);
const GROUP: &str = "moves";

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let (figures, control) = outages(Duration::from_secs(form.pick(60, 5)));
    vec![Report { name: "a data centre is lost", figures, control: form.control(|| control) }]
}

/// What the consumer saw, and what one saw that moved without a time.
fn outages(away: Duration) -> (Vec<Figure>, Vec<Figure>) {
    let mut sites = Sites::open();
    let identity = Pki::shared().client(READER);
    let writer = Writer::start(&sites.source, TOPIC, PARTITIONS, RATE);
    let reader = Reader::start(&sites.first.weir.bootstrap(), &identity, TOPIC, GROUP);
    let (mut went_on, mut slowest) = (0, Duration::ZERO);
    let mut reads_on = |what: &str| {
        let (had, began) = (reader.records(), Instant::now());
        let came = wait::try_until(SETTLE, || match reader.records() {
            records if records > had + 300 => Ok(()),
            records => Err(format!("{what}: {records} records")),
        });
        slowest = slowest.max(began.elapsed());
        came.is_ok()
    };
    assert!(reads_on("at the start"), "the reader reads");

    sites.first.mirror.stop();
    std::thread::sleep(away);
    sites.first.mirror.restart();
    went_on += u64::from(reads_on("the mirror was stopped"));
    sites.source.kill(2);
    went_on += u64::from(reads_on("the source lost a broker"));
    sites.source.restart(2);
    let leader = sites.first.kafka.leader_of(TOPIC, 0);
    sites.first.kafka.kill(leader);
    went_on += u64::from(reads_on("the public cluster lost a broker"));
    sites.first.kafka.restart(leader);

    let again = reader.duplicates();
    lose(&mut sites.first);
    let until = reader.read_until().expect("records came");
    let here = reader.numbers();
    drop(reader);
    let at = until.saturating_sub(u64::try_from(OVERLAP.as_millis()).unwrap_or(u64::MAX));
    set_offsets(&sites.second, &identity, "skips", "latest");
    set_offsets(&sites.second, &identity, GROUP, &time(at));
    let began = Instant::now();
    let there = Reader::start(&sites.second.weir.bootstrap(), &identity, TOPIC, GROUP);
    let skips = Reader::start(&sites.second.weir.bootstrap(), &identity, TOPIC, "skips");
    let moved = wait::try_until(SETTLE, || if there.records() > 300 { Ok(()) } else { Err("no records".to_owned()) });
    let moving = began.elapsed();
    let written = writer.end();
    // The mirror brings what was written last.
    let lost = || lost(&written, &[&here, &there.numbers()]);
    let _ = wait::try_until(SETTLE, || if lost() == 0 { Ok(()) } else { Err(format!("{} are missing", lost())) });
    let came = there.numbers();
    let twice = came.iter().map(|(partition, numbers)| {
        here.get(partition).map_or(0, |before| before.intersection(numbers).count() as u64)
    });
    let twice = twice.sum::<u64>() + there.duplicates();
    let bounded = u64::from(RATE) * OVERLAP.as_secs() * 2;
    let figures = vec![
        Figure::at_least("outages after which reading went on by itself", went_on, 3),
        Figure::at_most("records lost", lost(), 0),
        Figure::at_most("records that came again before the move", again, u64::from(RATE) * 5),
        Figure::at_least("the consumer moved", u64::from(moved.is_ok()), 1),
        Figure::at_least("records that came again by the move", twice, 1),
        Figure::at_most("of which at the most", twice, bounded),
        Figure::within("the longest until reading went on", slowest, SETTLE),
        Figure::within("from the move to records", moving, Duration::from_secs(30)),
    ];
    let control = vec![Figure::at_most("lost without a time", self::lost(&written, &[&here, &skips.numbers()]), 0)];
    (figures, control)
}

/// The public cluster is gone, with its Weir and its mirror.
fn lose(site: &mut Site) {
    site.kafka.running().iter().for_each(|id| site.kafka.kill(*id));
    site.mirror.kill();
    site.weir.stop();
}

/// As a consumer does it in the other data centre.
fn set_offsets(site: &Site, identity: &Identity, group: &str, at: &str) {
    let directory = paths::run_dir("drill-bundle");
    bundle::write(&directory, identity, READER, &site.weir.bootstrap(), &[TOPIC]);
    let mut command = Command::new(weir_binary());
    command.args(["offsets", "--json", "--bundle"]).arg(&directory).args(["--group", group, "--at", at]);
    let output = command.output().expect("weir runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(output.status.success() && told["committed"] == true, "{told:#}");
}

/// In RFC 3339, of milliseconds since 1970.
fn time(millis: u64) -> String {
    let mut date = Command::new("date");
    date.args(["-u", "+%Y-%m-%dT%H:%M:%S.%3NZ", "-d"]).arg(format!("@{}.{:03}", millis / 1_000, millis % 1_000));
    let mut output = date.output().expect("date");
    output.stdout.pop();
    String::from_utf8(output.stdout).expect("text")
}

type Numbers = std::collections::BTreeMap<i32, BTreeSet<usize>>;

/// Records that were written and did not come, neither here nor there.
fn lost(written: &[usize], came: &[&Numbers]) -> u64 {
    let has = |partition: i32, number: &usize| {
        came.iter().any(|came| came.get(&partition).is_some_and(|numbers| numbers.contains(number)))
    };
    let missing = |(partition, count): (usize, &usize)| {
        let partition = i32::try_from(partition).expect("few partitions");
        (0..*count).filter(|number| !has(partition, number)).count() as u64
    };
    written.iter().enumerate().map(missing).sum()
}
