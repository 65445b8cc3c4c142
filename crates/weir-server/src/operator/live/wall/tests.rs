//! Brokers that answer nonsense to who looks at them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::protocol::Encodable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::snapshot::fixture::Fixture;

/// What a broker says to all but ApiVersions.
#[derive(Clone, Copy, Debug)]
enum Says {
    Noise,
    AnotherAnswer,
    HugeLength,
    Nothing,
    Ends,
}

/// It serves every version of every API, if it is believed.
fn versions(correlation_id: i32) -> Vec<u8> {
    let all = (0..100).map(|key| ApiVersion::default().with_api_key(key).with_min_version(0).with_max_version(20));
    let mut body = BytesMut::from(&correlation_id.to_be_bytes()[..]);
    ApiVersionsResponse::default().with_api_keys(all.collect()).encode(&mut body, 0).unwrap();
    let mut frame = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(&body);
    frame
}

async fn talk(mut stream: TcpStream, says: Says) -> Option<()> {
    loop {
        let length = stream.read_i32().await.ok()?;
        let mut frame = vec![0; usize::try_from(length).ok()?];
        stream.read_exact(&mut frame).await.ok()?;
        let (key, id) = (i16::from_be_bytes([frame[0], frame[1]]), i32::from_be_bytes(frame[4..8].try_into().ok()?));
        if key == 18 {
            stream.write_all(&versions(id)).await.ok()?;
            continue;
        }
        let noise: Vec<u8> = id.to_be_bytes().into_iter().chain((0..200).map(|at| (at * 37 + key) as u8)).collect();
        let answer = match says {
            Says::Noise => [&204_i32.to_be_bytes()[..], &noise].concat(),
            Says::AnotherAnswer => [8_i32.to_be_bytes(), (id ^ 1).to_be_bytes(), [0; 4]].concat(),
            Says::HugeLength => i32::MAX.to_be_bytes().to_vec(),
            Says::Nothing => continue,
            Says::Ends => return None,
        };
        stream.write_all(&answer).await.ok()?;
    }
}

async fn broker(says: Says) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, says));
        }
    });
    address
}

#[tokio::test]
async fn hostile_a_broker_that_answers_nonsense_to_a_check_neither_stops_it_nor_is_believed() {
    let mut settings = Fixture::new().snapshot().upstreams["main"].clone();
    settings.tls = None;
    settings.timeouts.silence = Duration::from_millis(300);
    settings.timeouts.exchange = Duration::from_millis(600);
    let settings = Arc::new(settings);
    for says in [Says::Noise, Says::AnotherAnswer, Says::HugeLength, Says::Nothing, Says::Ends] {
        let address = broker(says).await;
        let address = RealAddress { host: address.ip().to_string(), port: address.port() };
        let brokers = Arc::new(BTreeMap::from([(RealBrokerId(1), address)]));
        let begun = Instant::now();
        let sight = look_as(As::Weir, Arc::clone(&settings), brokers, nonce().unwrap()).await;
        assert!(begun.elapsed() < Duration::from_secs(15), "{says:?}: {:?}", begun.elapsed());
        assert!(sight.everything.is_err(), "{says:?}");
        let decided: Vec<_> = sight.trials.iter().filter(|(_, tried)| tried.is_decided()).collect();
        assert!(decided.is_empty(), "{says:?}: {decided:?}");
        assert!(sight.groups.is_empty() && sight.transactions.is_empty() && sight.unlisted.len() == 1, "{says:?}");
    }
}
