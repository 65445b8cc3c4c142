//! A broker that lets Weir in for a time: who Weir is is shown anew between an answer and the next request.

use super::muted::{BEAT, framed, heartbeat, read};
use super::*;
use crate::upstream::{Identity, Lease, Mechanism};

/// A connection whose lease is over, with a request at the broker; and the broker's end of it.
async fn over(directory: &tempfile::TempDir) -> (Connection, TcpStream, TcpStream) {
    let file = directory.path().join("token");
    std::fs::write(&file, "opaque").unwrap();
    let identity = Arc::new(Identity::new(Mechanism::OAuthBearer, None, file));
    let (mut connection, client) = connected(Duration::from_secs(60)).await;
    let (link, mut broker) = dialled().await;
    let lease = Some(Lease::until(identity, Instant::now()));
    let own = Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
    connection.broker = Broker::open(Opened { link, lease }, own);
    connection.take_frame(&heartbeat(), Instant::now()).unwrap();
    connection.broker.flush().unwrap();
    assert_eq!([asked(&mut broker).await.0, asked(&mut broker).await.0], [18, 12]);
    (connection, client, broker)
}

/// What the broker is asked next: API key and correlation id.
async fn asked(broker: &mut TcpStream) -> (i16, i32) {
    let mut frame = vec![0; broker.read_u32().await.unwrap() as usize];
    broker.read_exact(&mut frame).await.unwrap();
    let (key, id) = (frame.first_chunk::<2>().unwrap(), frame[4..].first_chunk::<4>().unwrap());
    (i16::from_be_bytes(*key), i32::from_be_bytes(*id))
}

async fn answers(broker: &mut TcpStream, correlation_id: i32, body: &[u8]) {
    let frame = [&correlation_id.to_be_bytes()[..], body].concat();
    broker.write_all(&framed(&frame)).await.unwrap();
}

/// SaslHandshake is answered well, and SaslAuthenticate with a code.
async fn logs_in(broker: &mut TcpStream, code: i16) {
    let (key, id) = asked(broker).await;
    assert_eq!(key, 17, "SaslHandshake");
    answers(broker, id, &[0; 6]).await;
    let (key, id) = asked(broker).await;
    assert_eq!(key, 36, "SaslAuthenticate");
    answers(broker, id, &[&code.to_be_bytes()[..], &[0xff, 0xff], &[0; 12]].concat()).await;
}

#[tokio::test]
async fn trap_c1_a_login_comes_behind_the_answer_that_is_owed_and_before_the_next_request() {
    let directory = tempfile::TempDir::new().unwrap();
    let (mut connection, mut client, mut broker) = over(&directory).await;
    client.write_all(&[framed(&heartbeat()), framed(&heartbeat())].concat()).await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Ok(false));
    assert_eq!(connection.session.in_flight(), 1, "nothing is taken while an answer is owed");
    broker.write_all(&BEAT).await.unwrap();
    let broker = tokio::spawn(async move {
        logs_in(&mut broker, 0).await;
        for expected in [1, 2] {
            let (key, id) = asked(&mut broker).await;
            assert_eq!((key, id), (12, expected), "a heartbeat, as if nothing had been");
            answers(&mut broker, id, &[0; 6]).await;
        }
        broker
    });
    let told = read(&mut connection, &mut client, 3 * BEAT.len()).await;
    assert_eq!(told, BEAT.repeat(3), "each has its answer");
    broker.await.unwrap();
}

#[tokio::test]
async fn who_is_not_let_in_again_ends_and_its_request_with_it() {
    let directory = tempfile::TempDir::new().unwrap();
    let (mut connection, mut client, mut broker) = over(&directory).await;
    broker.write_all(&BEAT).await.unwrap();
    client.write_all(&framed(&heartbeat())).await.unwrap();
    let broker = tokio::spawn(async move {
        logs_in(&mut broker, 58).await;
        broker.read_to_end(&mut Vec::new()).await.unwrap()
    });
    let ended = tokio::time::timeout(Duration::from_secs(20), connection.run()).await.unwrap();
    assert_eq!(ended, CloseReason::UpstreamLogin);
    assert_eq!(broker.await.unwrap(), 0, "nothing was asked after the refusal");
}
