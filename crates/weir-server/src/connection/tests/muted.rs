//! A connection whose principal owes: it is not read, its answers leave, and a member of a group is heard in time.

use weir_policy::Meter;

use super::*;

/// A Heartbeat's answer to the first request, without an error.
pub(super) const BEAT: [u8; 14] = [0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

pub(super) fn heartbeat() -> Bytes {
    frame(ApiKey::Heartbeat, 3, &HeartbeatRequest::default().with_group_id(StrBytes::from_static_str("g").into()))
}

pub(super) fn framed(request: &[u8]) -> Vec<u8> {
    [&i32::try_from(request.len()).unwrap().to_be_bytes()[..], request].concat()
}

/// The principal owes requests that are paid after this time.
fn owe(connection: &mut Connection, time: Duration) {
    let limits = Arc::clone(&connection.principal.limits);
    let requests = u64::try_from(time.as_millis()).unwrap() * limits.requests.per_minute / 60_000;
    let now = Instant::now();
    let account = connection.worker.generation().accounts.of(&connection.principal);
    account.charge(Meter::Requests, limits.requests.burst + requests, &limits, now);
    connection.settle(now);
}

/// Serves the client until it has so many bytes of answers, and says which.
pub(super) async fn read(connection: &mut Connection, client: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut answer = vec![0; bytes];
    let served = async {
        loop {
            if !connection.advance().unwrap() {
                connection.wait().await.unwrap();
            }
        }
    };
    let read = async { client.read_exact(&mut answer).await.unwrap() };
    tokio::select! {
        () = served => {}
        _ = tokio::time::timeout(Duration::from_secs(20), read) => {}
    }
    answer
}

#[tokio::test]
async fn trap_q1_who_owes_is_not_read_and_its_answers_leave() {
    let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
    let (link, mut broker) = dialled().await;
    let own = Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
    connection.broker = Broker::open(link.into(), own);
    connection.take_frame(&heartbeat(), Instant::now()).unwrap();
    let began = Instant::now();
    owe(&mut connection, Duration::from_millis(400));
    assert!(!connection.has_room());
    client.write_all(&HANDSHAKE).await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Ok(false));
    assert_eq!(connection.session.in_flight(), 1, "the request waits in the socket");
    broker.write_all(&BEAT).await.unwrap();
    let told = read(&mut connection, &mut client, BEAT.len()).await;
    assert!(began.elapsed() < Duration::from_millis(350), "an answer waits for nothing");
    let throttled = i32::from_be_bytes(told[8..12].try_into().unwrap());
    assert!((1..=410).contains(&throttled), "{throttled}");
    read(&mut connection, &mut client, 8).await;
    assert!(began.elapsed() >= Duration::from_millis(395), "{:?}", began.elapsed());
}

#[tokio::test]
async fn trap_q3_a_heartbeat_is_heard_whatever_is_owed() {
    let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
    let (link, broker) = dialled().await;
    let own = Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
    connection.broker = Broker::open(link.into(), own);
    let broker = tokio::spawn(beats(broker));
    connection.take_frame(&heartbeat(), Instant::now()).unwrap();
    let began = Instant::now();
    owe(&mut connection, Duration::from_secs(3_600));
    client.write_all(&[framed(&heartbeat()), framed(&heartbeat())].concat()).await.unwrap();
    for turn in 0..3 {
        read(&mut connection, &mut client, BEAT.len()).await;
        let (took, due) = (began.elapsed(), Duration::from_secs(2 * turn));
        assert!(took + Duration::from_millis(100) > due && took < due + Duration::from_secs(1), "{turn}: {took:?}");
    }
    broker.abort();
}

/// A broker that answers every Heartbeat.
async fn beats(mut broker: TcpStream) {
    loop {
        let length = broker.read_u32().await.unwrap();
        let mut request = vec![0; usize::try_from(length).unwrap()];
        broker.read_exact(&mut request).await.unwrap();
        if request[..2] == 12_i16.to_be_bytes() {
            let mut beat = BEAT;
            beat[4..8].copy_from_slice(&request[4..8]);
            broker.write_all(&beat).await.unwrap();
        }
    }
}
