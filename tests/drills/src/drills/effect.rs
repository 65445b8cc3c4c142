//! What is taken away is gone within a second, on open connections and under a Fetch that waits at the broker.

use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;
use weir_testkit::{Ended, RawClient};

use crate::Form;
use crate::cluster::{OTHER, Stage};
use crate::figure::{Figure, Report};

const BAR: Duration = Duration::from_secs(1);
const VERSION: i16 = 12;

/// The drill.
#[must_use]
pub fn run(form: Form) -> Report {
    let rounds = form.pick(20, 3);
    let stage = Stage::open("effect");
    let slowest = |what: &'static str, effect: fn(&Stage) -> Duration| {
        let slowest = (0..rounds).map(|_| effect(&stage)).max().unwrap_or(Duration::MAX);
        Figure::within(what, slowest, BAR)
    };
    Report {
        name: "time to effect, the slowest",
        figures: vec![
            slowest("principal taken out, with a Fetch parked", taken_out),
            slowest("grant narrowed under a parked Fetch", narrowed),
            slowest("topic granted", granted),
        ],
        control: form.control(|| vec![Figure::within("nothing changes", nothing(&stage), BAR)]),
    }
}

fn taken_out(stage: &Stage) -> Duration {
    let mut client = parked(stage, &[&stage.quiet]);
    stage.weir.write_acl(&stage.acl(&[]));
    let took = ends(&mut client);
    restore(stage);
    took
}

fn narrowed(stage: &Stage) -> Duration {
    let mut client = parked(stage, &[&stage.quiet]);
    stage.weir.write_acl(&stage.acl(&[&stage.topic]));
    let began = Instant::now();
    let answered = client.read_frame(Duration::from_secs(5));
    let took = began.elapsed();
    let (_, told) = wire::open::<FetchRequest>(VERSION, &answered.expect("the Fetch is answered")).expect("an answer");
    assert_eq!(told.responses[0].partitions[0].error_code, 29, "it says what was lost");
    restore(stage);
    took
}

fn granted(stage: &Stage) -> Duration {
    stage.weir.write_acl(&stage.acl(&[&stage.topic]));
    let mut client = connect(stage);
    while ask(&mut client, &[&stage.quiet], 0) != 29 {
        std::thread::sleep(Duration::from_millis(10));
    }
    restore_quietly(stage);
    let began = Instant::now();
    while ask(&mut client, &[&stage.quiet], 0) != 0 && began.elapsed() < BAR * 5 {
        std::thread::sleep(Duration::from_millis(2));
    }
    began.elapsed()
}

/// Without a change the client is not cut off, however long one waits.
fn nothing(stage: &Stage) -> Duration {
    ends(&mut parked(stage, &[&stage.quiet]))
}

fn restore_quietly(stage: &Stage) {
    stage.weir.write_acl(&stage.acl(&[&stage.topic, &stage.quiet]));
}

/// Everything is as it was, and in force.
fn restore(stage: &Stage) {
    restore_quietly(stage);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        let target = stage.weir.target(&stage.weir.broker(1), &stage.identity(OTHER));
        if let Ok(mut client) = RawClient::connect(&target)
            && try_ask(&mut client, &[&stage.quiet], 0).is_ok_and(|code| code != 29)
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the policy did not come back");
}

fn ends(client: &mut RawClient) -> Duration {
    let began = Instant::now();
    match client.ended(BAR * 3) {
        Ended::Silent => Duration::MAX.min(BAR * 3),
        Ended::Closed | Ended::Alert(_) => began.elapsed(),
    }
}

fn connect(stage: &Stage) -> RawClient {
    let leader = stage.kafka.leader_of(&stage.quiet, 0);
    let target = stage.weir.target(&stage.weir.broker(leader), &stage.identity(OTHER));
    RawClient::connect(&target).expect("a connection")
}

/// A connection with a Fetch that waits at the broker.
fn parked(stage: &Stage, topics: &[&str]) -> RawClient {
    let mut client = connect(stage);
    ask(&mut client, topics, 0);
    client.send(&wire::frame(7, VERSION, &fetch(topics, 20_000)).expect("a frame")).expect("sent");
    assert_eq!(client.read_frame(Duration::from_millis(300)), Err(Ended::Silent), "it waits");
    client
}

fn ask(client: &mut RawClient, topics: &[&str], wait_ms: i32) -> i16 {
    try_ask(client, topics, wait_ms).expect("an answer")
}

fn try_ask(client: &mut RawClient, topics: &[&str], wait_ms: i32) -> Result<i16, String> {
    let answer = client.call(VERSION, &fetch(topics, wait_ms))?;
    Ok(answer.responses.first().map_or(0, |topic| topic.partitions[0].error_code))
}

fn fetch(topics: &[&str], wait_ms: i32) -> FetchRequest {
    let topic = |topic: &&str| {
        let name = TopicName(StrBytes::from_string((*topic).to_owned()));
        let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
        FetchTopic::default().with_topic(name).with_partitions(vec![partition])
    };
    FetchRequest::default()
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(topics.iter().map(topic).collect())
}
