//! Brokers die and come back, one, the coordinator's, all of them: consumers go on by themselves.

use std::time::Duration;

use crate::Form;
use crate::cluster::{PARTITIONS, READER, Stage};
use crate::crowd::Reader;
use crate::figure::{Figure, Report};
use crate::writer::Writer;
use weir_testkit::wait;

const SETTLE: Duration = Duration::from_secs(120);
const BACK: Duration = Duration::from_secs(60);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let dark = Duration::from_secs(form.pick(60, 5));
    vec![Report {
        name: "brokers die and come back",
        figures: outages("brokers", dark, false),
        control: form.control(|| outages("brokers-cut-off", Duration::ZERO, true)),
    }]
}

/// `cut_off` takes the reader's rights away in the midst of it: what that loses must be seen.
fn outages(name: &str, dark: Duration, cut_off: bool) -> Vec<Figure> {
    let stage = Stage::open(name);
    let _storm = stage.kafka.storm();
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, 150);
    let reader = Reader::start(&stage.weir.bootstrap(), &stage.identity(READER), &stage.topic, name);
    let reads_on = |what: &str| {
        let had = reader.records();
        let came = wait::try_until(SETTLE, || match reader.records() {
            records if records > had + 50 => Ok(()),
            records => Err(format!("{what}: {records} records")),
        });
        came.is_ok()
    };
    assert!(reads_on("at the start"), "the reader reads");
    let mut went_on = 0;
    let leader = stage.kafka.leader_of(&stage.topic, 0);
    stage.kafka.kill(leader);
    if cut_off {
        stage.weir.write_acl(&stage.acl(&[]).principal(weir_testkit::PrincipalSpec::new(READER, &[])));
    } else {
        went_on += u64::from(reads_on("a leader is dead"));
    }
    stage.kafka.restart(leader);
    if !cut_off {
        let coordinator = stage.kafka.coordinator_of(&stage.real_group(name));
        stage.kafka.kill(coordinator);
        went_on += u64::from(reads_on("the coordinator is dead"));
        stage.kafka.restart(coordinator);
        let running = stage.kafka.running();
        running.iter().for_each(|id| stage.kafka.kill(*id));
        std::thread::sleep(dark);
        stage.kafka.heal();
        went_on += u64::from(reads_on("all were dead"));
    }
    let written = writer.end();
    let limit = if cut_off { Duration::from_secs(5) } else { BACK };
    let caught_up = reader.catches_up(&written, limit).is_some();
    stage.kafka.heal();
    vec![
        Figure::at_least("outages after which reading went on by itself", went_on, 3),
        Figure::at_most("records lost", reader.lost(&written), 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}
