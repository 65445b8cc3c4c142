//! Brokers that are lost with requests under way.

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{OffsetCommitRequest, SyncGroupRequest};

use super::*;

/// Requests that a broker may have taken when it is lost: each would do harm if it were sent twice.
fn requests() -> Vec<Bytes> {
    let topic = || TopicName(StrBytes::from_static_str("public.granted"));
    let group = || StrBytes::from_static_str("g").into();
    let fetched = FetchTopic::default().with_topic(topic()).with_partitions(vec![FetchPartition::default()]);
    let committed = OffsetCommitRequestTopic::default()
        .with_name(topic())
        .with_partitions(vec![OffsetCommitRequestPartition::default()]);
    let sync = SyncGroupRequest::default().with_group_id(group()).with_member_id(StrBytes::from_static_str("m"));
    vec![
        join(Duration::from_secs(60)),
        frame(ApiKey::SyncGroup, 3, &sync),
        frame(ApiKey::Heartbeat, 3, &HeartbeatRequest::default().with_group_id(group())),
        frame(ApiKey::Fetch, 4, &FetchRequest::default().with_topics(vec![fetched])),
        frame(
            ApiKey::OffsetCommit,
            5,
            &OffsetCommitRequest::default().with_group_id(group()).with_topics(vec![committed]),
        ),
    ]
}

#[tokio::test]
async fn trap_c32_a_broker_that_is_lost_with_a_request_under_way_ends_both_ends_without_an_answer() {
    // It says nothing, or begins an answer: its length, the correlation id, and a byte of the body.
    for said in [&[][..], &[0, 0, 0, 60], &[0, 0, 0, 60, 0, 0, 0, 0, 0]] {
        for request in requests() {
            let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
            let (link, mut broker) = dialled().await;
            let own = || Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
            connection.broker = Broker::open(link.into(), own());
            connection.take_frame(&request, Instant::now()).unwrap();
            // What Weir answers by itself waits behind it, and is not given either.
            connection.take_frame(&Bytes::from_static(&HANDSHAKE).slice(4..), Instant::now()).unwrap();
            assert_eq!(connection.session.in_flight(), 2);
            connection.broker.flush().unwrap();
            let lost = tokio::spawn(async move {
                let mut length = [0; 4];
                let mut asked = Vec::new();
                for _ in 0..2 {
                    broker.read_exact(&mut length).await.unwrap();
                    let mut frame = vec![0; u32::from_be_bytes(length).try_into().unwrap()];
                    broker.read_exact(&mut frame).await.unwrap();
                    asked.push(i16::from_be_bytes([frame[0], frame[1]]));
                }
                broker.write_all(said).await.unwrap();
                broker.shutdown().await.unwrap();
                // Whatever Weir sent after that would be here.
                let mut more = Vec::new();
                broker.read_to_end(&mut more).await.unwrap();
                (asked, more)
            });
            let ended = tokio::time::timeout(Duration::from_secs(10), connection.serve()).await.unwrap();
            assert_eq!(ended, CloseReason::UpstreamLost);
            let key = i16::from_be_bytes([request[0], request[1]]);
            assert_eq!(lost.await.unwrap(), (vec![18, key], Vec::new()), "asked once, and never again");
            let mut answers = Vec::new();
            client.read_to_end(&mut answers).await.unwrap();
            assert!(answers.is_empty(), "key {key}: {answers:?}");
        }
    }
}
