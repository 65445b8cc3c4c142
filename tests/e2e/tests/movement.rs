//! A cluster that moves: readers go to the replica in their rack, leaders and coordinators move while groups consume,
//! brokers die and come back. Clients see Kafka's own codes, go on within seconds, and lose nothing.
//!
//! All tests share three brokers that choose replicas by rack, and one Weir before them; they take turns.

#[path = "clients/program.rs"]
#[allow(dead_code, reason = "readers need a part of it")]
mod program;
#[path = "movement/reader.rs"]
mod reader;
#[path = "movement/stage.rs"]
mod stage;

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse, FindCoordinatorRequest, GroupId, HeartbeatRequest};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use weir_testkit::kafka::{Chain, wire};
use weir_testkit::{Ended, RawClient, clients, require, wait};

use stage::{nothing_internal_left, other_than, stage, zone};

const READER: &str = "movement-reader";
const NEARBY: &str = "movement.nearby";
const BESIDE: &str = "movement.beside";
const LED: &str = "movement.led";
const BULK: &str = "movement.bulk";
const GROUPED: &str = "movement.grouped";
const LEFT: &str = "movement.left";
/// For what a client does on its own, on a machine that does other things too.
const SECONDS: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(60);

const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const NOT_COORDINATOR: i16 = 16;
const UNKNOWN_MEMBER_ID: i16 = 25;
const FENCED_LEADER_EPOCH: i16 = 74;
const UNKNOWN_TOPIC_ID: i16 = 100;

fn topic(id: Uuid) -> FetchTopic {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    FetchTopic::default().with_topic_id(id).with_partitions(vec![partition])
}

fn request(topics: &[Uuid]) -> FetchRequest {
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(topics.iter().copied().map(topic).collect())
}

/// Partition 0 of each topic, in the order of the answer.
fn partitions(response: &FetchResponse) -> Vec<(Uuid, &PartitionData)> {
    response.responses.iter().map(|topic| (topic.topic_id, &topic.partitions[0])).collect()
}

fn length(partition: &PartitionData) -> usize {
    partition.records.as_ref().map_or(0, bytes::Bytes::len)
}

#[test]
fn trap_c27_l19_a_reader_is_sent_to_the_replica_in_its_rack_by_labels_and_shown_ids_alone() {
    require!(clients::ready("java"));
    let stage = stage();
    stage.kafka.create_topic(NEARBY, 1, 3, &[]);
    let mut chain = Chain::new(NEARBY, 1);
    chain.append(&stage.kafka, 100);
    let leader = stage.kafka.leader_of(NEARBY, 0);
    let follower = other_than(leader);
    let id = stage.id_of(NEARBY);

    let racks: Vec<_> = stage.metadata(NEARBY).brokers.iter().map(|broker| broker.rack.clone()).collect();
    assert_eq!(racks, [1, 2, 3].map(|id| Some(StrBytes::from_string(zone(id)))));
    let from = |broker: i32, rack: &str| {
        let request = request(&[id]).with_rack_id(StrBytes::from_string(rack.into()));
        let response = stage.at(broker).call(17, &request).expect("Fetch is answered");
        let (_, partition) = partitions(&response)[0];
        (partition.error_code, partition.preferred_read_replica.0, length(partition) > 0)
    };
    wait::until("the leader to send its reader away", SECONDS, || match from(leader, &zone(follower)) {
        (0, preferred, false) if preferred == follower => Ok(()),
        other => Err(format!("{other:?}")),
    });
    wait::until("the follower to have all of it", SECONDS, || match from(follower, &zone(follower)) {
        (0, -1, true) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // Its own zone, no zone, no label, and the rack as the brokers call it: the leader answers itself.
    for rack in [&zone(leader), "", "zone-9", &stage.kafka.rack(follower)] {
        assert_eq!(from(leader, rack), (0, -1, true), "{rack}");
    }

    let reader = stage.reader(NEARBY, &[("GROUP", "nearby"), ("RACK", &zone(follower))]);
    reader.catches_up(&chain, LIMIT);
    reader.has_read(&chain, 1);
    assert_eq!(stage.senders(&chain), BTreeSet::from([follower]), "the follower alone sent records");
    nothing_internal_left(&stage);
}

/// Libraries that read from followers, by their directories.
const FOLLOWING: [&str; 3] = ["java", "confluent-python", "franz-go"];

#[test]
fn readers_of_each_library_read_at_the_replica_in_their_rack_and_elsewhere_when_it_is_gone() {
    for client in FOLLOWING {
        require!(clients::ready(client));
    }
    let stage = stage();
    stage.kafka.create_topic(BESIDE, 1, 3, &[]);
    let mut chain = Chain::new(BESIDE, 1);
    chain.append(&stage.kafka, 50);
    let leader = stage.kafka.leader_of(BESIDE, 0);
    let follower = other_than(leader);
    let id = stage.id_of(BESIDE);
    let near = request(&[id]).with_rack_id(StrBytes::from_string(zone(follower)));
    wait::until("the leader to send its readers away", SECONDS, || {
        let response = stage.at(leader).call(17, &near)?;
        let preferred = partitions(&response)[0].1.preferred_read_replica.0;
        (preferred == follower).then_some(()).ok_or_else(|| format!("broker {preferred}"))
    });
    // A Fetch that waits at the follower is answered when its topic is taken away, as at a leader.
    let mut waiting = near.clone().with_max_wait_ms(25_000).with_min_bytes(1);
    waiting.topics[0].partitions[0].fetch_offset = 50;
    let mut parked = wait::until("a Fetch to wait at the follower", SECONDS, || {
        let mut client = stage.at(follower);
        client.send(&wire::frame(3, 17, &waiting)?).map_err(|error| error.to_string())?;
        // A follower that does not know yet that all replicas have the last record answers at once.
        match client.read_frame(Duration::from_millis(500)) {
            Err(Ended::Silent) => Ok(client),
            other => Err(format!("{other:?}")),
        }
    });
    stage.weir.write_acl(&stage::acl(&[NEARBY, LED, BULK, GROUPED, LEFT]));
    let answer = parked.read_frame(SECONDS).expect("it is answered before its time");
    let (_, answer): (_, FetchResponse) = wire::open::<FetchRequest>(17, &answer).unwrap();
    assert_eq!((partitions(&answer)[0].1.error_code, length(partitions(&answer)[0].1)), (UNKNOWN_TOPIC_ID, 0));
    stage.weir.write_acl(&stage::acl(&stage::TOPICS));
    wait::until("the topic to be granted again", SECONDS, || match stage.metadata(BESIDE).topics[0].error_code {
        0 => Ok(()),
        code => Err(format!("error {code}")),
    });

    let rack = zone(follower);
    let readers =
        FOLLOWING.map(|client| stage.client(client, BESIDE, &[("GROUP", client), ("RACK", &rack), ("COMMIT", "end")]));
    readers.iter().for_each(|reader| reader.catches_up(&chain, LIMIT));
    assert_eq!(stage.senders(&chain), BTreeSet::from([follower]), "the follower alone sent records");

    // franz-go asks the replica that is gone for half an hour (`RecheckPreferredReplicaInterval`), as it does before Kafka.
    let [java, librdkafka, franz_go] = readers;
    franz_go.has_read(&chain, 1);
    let readers = [java, librdkafka];
    stage.kafka.kill(follower);
    chain.append(&stage.kafka, 50);
    readers.iter().for_each(|reader| reader.catches_up(&chain, LIMIT));
    readers.into_iter().for_each(|reader| reader.has_read_all(&chain));
    assert!(stage.senders(&chain).len() > 1, "another broker sent the rest");
    stage.kafka.restart(follower);
    stage.kafka.wait_in_sync(BESIDE, 1);
    nothing_internal_left(&stage);
}

#[test]
fn trap_c26_c28_a_leader_that_moved_is_told_exactly_and_followed_without_an_error() {
    require!(clients::ready("java"));
    let stage = stage();
    stage.kafka.create_topic(LED, 1, 3, &[]);
    stage.kafka.create_topic(BULK, 1, 3, &[]);
    let mut chain = Chain::new(LED, 1);
    chain.append(&stage.kafka, 50);
    let old = stage.kafka.leader_of(LED, 0);
    let new = other_than(old);
    stage.kafka.move_leader(BULK, 0, old);
    stage.kafka.produce(BULK, 0, &[7; 200_000]);
    let reader = stage.reader(LED, &[("GROUP", "led"), ("PROTOCOL", "consumer")]);
    reader.catches_up(&chain, LIMIT);
    let ids = [stage.id_of(LED), stage.id_of(BULK)];
    let epoch = stage.metadata(LED).topics[0].partitions[0].leader_epoch;
    // It was answered before, and lives on.
    let mut client = stage.at(old);
    let before: FetchResponse = client.call(17, &request(&ids)).unwrap();
    assert!(partitions(&before).iter().all(|(_, partition)| partition.error_code == 0));

    stage.kafka.move_leader(LED, 0, new);
    // As a client that knows the epoch of the leader before; without one a follower answers consumers, too.
    let of_before = |ids: &[Uuid]| {
        let mut request = request(ids);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        request
    };
    let moved: FetchResponse = client.call(17, &of_before(&ids[..1])).unwrap();
    let (_, partition) = partitions(&moved)[0];
    assert_eq!(partition.error_code, FENCED_LEADER_EPOCH);
    assert_eq!(partition.current_leader.leader_id.0, new);
    let [endpoint] = &moved.node_endpoints[..] else { panic!("{:?}", moved.node_endpoints) };
    assert_eq!(format!("{}:{}", &*endpoint.host, endpoint.port), stage.weir.broker(new));
    assert_eq!((endpoint.node_id.0, endpoint.rack.as_deref()), (new, Some(&*zone(new))));
    // Weir saw the code, too.
    wait::until("Weir to know the new leader", Duration::from_secs(10), || match stage.shown_leader(LED) {
        leader if leader == new => Ok(()),
        leader => Err(format!("broker {leader} is shown")),
    });

    // Behind two hundred thousand bytes of records the same is withheld, leader and endpoints together.
    let streamed: FetchResponse = client.call(17, &of_before(&ids)).unwrap();
    assert_eq!(streamed.node_endpoints, []);
    for (id, partition) in partitions(&streamed) {
        let expected = if id == ids[0] { (FENCED_LEADER_EPOCH, false) } else { (0, true) };
        assert_eq!((partition.error_code, length(partition) > 100_000), expected);
        assert_eq!(partition.current_leader.leader_id.0, -1);
    }

    chain.append(&stage.kafka, 50);
    reader.catches_up(&chain, SECONDS);
    stage.kafka.move_leader(LED, 0, old);
    chain.append(&stage.kafka, 50);
    reader.catches_up(&chain, SECONDS);
    reader.has_read(&chain, 1);
    nothing_internal_left(&stage);
}

#[test]
fn trap_c29_a_coordinator_that_moved_is_found_at_once_and_its_groups_go_on() {
    require!(clients::ready("java"));
    let stage = stage();
    stage.kafka.create_topic(GROUPED, 2, 3, &[]);
    let mut chain = Chain::new(GROUPED, 2);
    chain.append(&stage.kafka, 50);
    let protocols = ["classic", "consumer"];
    let readers = protocols.map(|protocol| stage.reader(GROUPED, &[("GROUP", protocol), ("PROTOCOL", protocol)]));
    readers.iter().for_each(|reader| reader.catches_up(&chain, LIMIT));
    for protocol in protocols {
        let real = format!("weir.{READER}.{protocol}");
        let old = stage.kafka.coordinator_of(&real);
        let mut client = stage.at(old);
        // A coordinator that still loads says yes to everybody.
        wait::until("the coordinator to know its members", SECONDS, || match heartbeat(&mut client, protocol) {
            UNKNOWN_MEMBER_ID => Ok(()),
            code => Err(format!("error {code}")),
        });
        assert_eq!(found(&mut client, protocol), old);
        stage.kafka.move_coordinator(&real, other_than(old));
        assert_eq!(heartbeat(&mut client, protocol), NOT_COORDINATOR);
        assert_eq!(found(&mut client, protocol), other_than(old), "the next answer is not a stale one");
    }
    for _ in 0..3 {
        chain.append(&stage.kafka, 20);
        readers.iter().for_each(|reader| reader.catches_up(&chain, SECONDS));
    }
    readers.into_iter().for_each(|reader| reader.has_read(&chain, 2));
    for protocol in protocols {
        let committed = stage.kafka.committed(&format!("weir.{READER}.{protocol}"));
        for partition in 0..2 {
            let written = i64::try_from(chain.partition(partition).len()).unwrap();
            let place = (GROUPED.to_owned(), i32::try_from(partition).unwrap());
            assert_eq!(committed.get(&place), Some(&written), "{protocol}: the new coordinator has the offsets");
        }
    }
    nothing_internal_left(&stage);
}

fn heartbeat(client: &mut RawClient, group: &str) -> i16 {
    let group = GroupId(StrBytes::from_string(group.into()));
    let request = HeartbeatRequest::default().with_group_id(group).with_member_id(StrBytes::from_static_str("nobody"));
    client.call(4, &request).unwrap().error_code
}

/// The coordinator, by the id that clients see.
fn found(client: &mut RawClient, group: &str) -> i32 {
    let request = FindCoordinatorRequest::default().with_key(StrBytes::from_string(group.into()));
    let answer = wait::until("a coordinator", SECONDS, || {
        let answer = client.call(3, &request)?;
        if answer.error_code == 0 { Ok(answer) } else { Err(format!("error {}", answer.error_code)) }
    });
    answer.node_id.0
}

#[test]
fn trap_c30_c32_a_broker_that_is_gone_keeps_its_address_which_answers_and_never_invents() {
    let mut stage = stage();
    stage.kafka.create_topic(LEFT, 1, 3, &[]);
    stage.kafka.produce(LEFT, 0, b"a record");
    let gone = stage.kafka.leader_of(LEFT, 0);
    let id = stage.id_of(LEFT);
    let address = stage.weir.broker(gone);
    // At the end of the log, so that it waits there.
    let mut parked = request(&[id]).with_max_wait_ms(25_000).with_min_bytes(1);
    parked.topics[0].partitions[0].fetch_offset = 1;
    let mut waiting = stage.at(gone);
    let frame = wire::frame(9, 17, &parked).unwrap();
    waiting.send(&frame).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    stage.kafka.kill(gone);
    assert_eq!(waiting.ended(SECONDS), Ended::Closed, "a request in flight has no answer but the end");

    wait::until("the broker to be gone from Metadata", LIMIT, || {
        let listed: Vec<i32> = stage.metadata(LEFT).brokers.iter().map(|broker| broker.node_id.0).collect();
        if listed.contains(&gone) { Err(format!("{listed:?}")) } else { Ok(()) }
    });
    let mut client = stage.at(gone);
    let response: FetchResponse = client.call(17, &request(&[id])).unwrap();
    assert_eq!(partitions(&response)[0].1.error_code, NOT_LEADER_OR_FOLLOWER);
    assert_eq!(client.ended(SECONDS), Ended::Closed, "so that the client asks somebody else");
    assert_ne!(stage.shown_leader(LEFT), gone);

    // The address is the same whatever restarts.
    assert_eq!(stage.weir.stop(), 0);
    stage.weir.restart();
    stage.kafka.restart(gone);
    assert_eq!(stage.weir.broker(gone), address);
    stage.kafka.wait_in_sync(LEFT, 1);
    stage.kafka.move_leader(LEFT, 0, gone);
    wait::until("the broker to answer at its address again", SECONDS, || {
        let response: FetchResponse = stage.at(gone).call(17, &request(&[id]))?;
        let (_, partition) = partitions(&response)[0];
        if length(partition) > 0 { Ok(()) } else { Err(format!("error {}", partition.error_code)) }
    });
    nothing_internal_left(&stage);
}
