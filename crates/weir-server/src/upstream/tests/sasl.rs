//! Logins at a broker that answers what each test has it answer. The mechanisms themselves are tested beside them; here it
//! is the frames, the order, the time, and what a refusal leads to.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Buf;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weir_kafka::cleared::OwnRequest;

use super::super::exchange::ControlConnection;
use super::super::sasl::{Identity, Lease, Mechanism, ScramHash};
use super::super::{ExchangeError, HostPort, SaslError, UpstreamTimeouts};
use super::within;
use crate::link::Link;

const SCRAM: Mechanism = Mechanism::Scram(ScramHash::Sha256);
const TOKEN: &str = "opaque.token";

/// What a broker answers to one request: the body behind the correlation id. `None` closes.
type Said = Option<Vec<u8>>;

/// A request as it came: API key, version, body.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Heard {
    key: i16,
    version: i16,
    body: Vec<u8>,
}

impl Heard {
    /// The token of a SaslAuthenticate.
    fn token(&self) -> String {
        assert_eq!(self.key, 36, "SaslAuthenticate");
        String::from_utf8(self.body[4..].to_vec()).unwrap()
    }
}

/// A connection to a broker that answers so, one after another, and then never again; and what it was asked.
async fn broker(
    mut says: impl FnMut(usize, &Heard) -> Said + Send + 'static,
) -> (ControlConnection, tokio::task::JoinHandle<Vec<Heard>>) {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
    let (mut peer, _) = door.accept().await.unwrap();
    let serving = tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Ok(length) = peer.read_u32().await {
            let mut frame = vec![0; length as usize];
            peer.read_exact(&mut frame).await.unwrap();
            let mut rest = &frame[..];
            let (key, version, correlation_id) = (rest.get_i16(), rest.get_i16(), rest.get_i32());
            let client_id = rest.get_i16() as usize;
            let request = Heard { key, version, body: rest[client_id..].to_vec() };
            let said = says(heard.len(), &request);
            heard.push(request);
            let Some(body) = said else { break };
            let answer = [&(body.len() as u32 + 4).to_be_bytes(), &correlation_id.to_be_bytes(), &body[..]].concat();
            peer.write_all(&answer).await.unwrap();
        }
        heard
    });
    (ControlConnection::new(Link::plain(stream), &timeouts()), serving)
}

fn timeouts() -> UpstreamTimeouts {
    UpstreamTimeouts { silence: Duration::from_millis(500), ..UpstreamTimeouts::default() }
}

/// SaslHandshake's answer.
fn offers(code: i16, mechanisms: &[&str]) -> Said {
    let mut body = code.to_be_bytes().to_vec();
    body.extend((mechanisms.len() as u32).to_be_bytes());
    for name in mechanisms {
        body.extend((name.len() as u16).to_be_bytes());
        body.extend(name.as_bytes());
    }
    Some(body)
}

/// SaslAuthenticate's answer, version 1.
fn says(code: i16, token: &str, lifetime: i64) -> Said {
    let mut body = code.to_be_bytes().to_vec();
    body.extend((-1_i16).to_be_bytes());
    body.extend((token.len() as u32).to_be_bytes());
    body.extend(token.as_bytes());
    body.extend(lifetime.to_be_bytes());
    Some(body)
}

struct User {
    directory: TempDir,
    identity: Arc<Identity>,
    name: HostPort,
}

impl User {
    fn new(mechanism: Mechanism, secret: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("secret");
        fs::write(&file, secret).unwrap();
        let identity = Arc::new(Identity::new(mechanism, Some("weir".to_owned()), file));
        Self { directory, identity, name: HostPort { host: "kafka1".to_owned(), port: 9093 } }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("secret")
    }

    async fn login(&self, connection: ControlConnection) -> Result<ControlConnection, ExchangeError> {
        self.identity.login(&self.name, Some(1)).await?.authenticate(connection).await
    }

    /// What comes of a broker that answers a token with this.
    async fn refused_with(&self, said: fn(usize) -> Said) -> ExchangeError {
        let (connection, _serving) = broker(move |turn, _| said(turn)).await;
        within(10, self.login(connection)).await.expect_err("it is not let in")
    }
}

fn sasl(error: ExchangeError) -> SaslError {
    match error {
        ExchangeError::Sasl(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_is_shown_after_the_mechanism_was_taken_and_never_before() {
    let user = User::new(Mechanism::OAuthBearer, TOKEN);
    let says = |turn, _: &Heard| if turn == 0 { offers(0, &["OAUTHBEARER"]) } else { says(0, "", 0) };
    let (connection, serving) = broker(says).await;
    drop(user.login(connection).await.unwrap());
    let heard = serving.await.unwrap();
    assert_eq!((heard[0].key, heard[0].version, &heard[0].body[..]), (17, 1, &b"\0\x0bOAUTHBEARER"[..]));
    assert_eq!((heard[1].version, heard[1].token()), (1, format!("n,,\x01auth=Bearer {TOKEN}\x01\x01")));
    assert_eq!((heard.len(), user.identity.counts()), (2, (1, 0)));
}

#[tokio::test]
async fn scram_is_spoken_to_its_end_and_another_password_is_tried_at_once() {
    let user = User::new(SCRAM, "pencil");
    for _ in 0..2 {
        let says = |turn, heard: &Heard| match turn {
            0 => offers(0, &["SCRAM-SHA-256"]),
            1 => {
                let token = heard.token();
                let nonce = token.strip_prefix("n,,n=weir,r=").unwrap();
                says(0, &format!("r={nonce}x,s={},i=4096", STANDARD.encode("salt")), 0)
            }
            // The proof is not looked at: this broker does not know the password, and cannot sign.
            _ => says(0, &format!("v={}", STANDARD.encode([7; 32])), 0),
        };
        let (connection, serving) = broker(says).await;
        let failed = sasl(user.login(connection).await.unwrap_err());
        assert_eq!(failed, SaslError::Unproven);
        assert!(serving.await.unwrap()[2].token().starts_with("c=biws,r="));
        // As if the file had been written anew: it is tried at once.
        fs::write(user.file(), "another\n").unwrap();
    }
    assert_eq!(user.identity.counts(), (0, 2));
}

#[tokio::test]
async fn what_a_broker_refuses_is_told_in_words_and_without_the_secret() {
    let told = |user: User, said| async move { sasl(user.refused_with(said).await).to_string() };
    let scram = || User::new(SCRAM, "pencil");
    let bearer = || User::new(Mechanism::OAuthBearer, TOKEN);
    let only_256 = told(scram(), |_| offers(33, &["SCRAM-SHA-512"])).await;
    assert_eq!(only_256, "it offers SCRAM-SHA-512 only, not SCRAM-SHA-256");
    assert_eq!(told(scram(), |_| offers(33, &[])).await, "it offers no mechanism, not SCRAM-SHA-256");
    assert_eq!(told(scram(), |_| offers(34, &[])).await, "it does not ask for SASL on this port");
    let wrong = told(scram(), |turn| if turn == 0 { offers(0, &[]) } else { says(58, "", 0) }).await;
    assert!(wrong.starts_with("it refuses user `weir` with the password in `/") && wrong.contains("SCRAM-SHA-256"));
    // The broker says why, hears that this was understood, and says no.
    let said = |turn| match turn {
        0 => offers(0, &[]),
        1 => says(0, r#"{"status":"invalid_token"}"#, 0),
        _ => says(58, "", 0),
    };
    let wrong = told(bearer(), said).await;
    assert!(wrong.starts_with("it refuses the token in `/"), "{wrong}");
    assert!(!wrong.contains("pencil") && !wrong.contains(TOKEN));
    // One that says no and then yes.
    let yes = |turn| if turn == 0 { offers(0, &[]) } else { says(0, "{}", 0) };
    assert_eq!(told(bearer(), yes).await, SaslError::Malformed.to_string());
}

#[tokio::test]
async fn hostile_u2_a_broker_that_speaks_badly_is_given_up_in_time() {
    let user = || User::new(Mechanism::OAuthBearer, TOKEN);
    let began = Instant::now();
    assert!(matches!(user().refused_with(|_| None).await, ExchangeError::Closed));
    assert!(matches!(user().refused_with(|_| Some(vec![0; 3])).await, ExchangeError::BadAnswer(_)));
    assert!(matches!(user().refused_with(|_| offers(42, &[])).await, ExchangeError::BadAnswer(_)));
    // 2^31-1 mechanisms in a few bytes, and an answer as long as no login's is.
    assert!(matches!(
        user().refused_with(|_| Some(b"\0\0\x7f\xff\xff\xff".to_vec())).await,
        ExchangeError::BadAnswer(_)
    ));
    let long = user().refused_with(|_| Some(vec![0; 70_000])).await;
    assert!(matches!(long, ExchangeError::FrameLength(_)), "{long:?}");
    let token = |turn| if turn == 0 { offers(0, &[]) } else { Some(vec![0, 0, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]) };
    assert!(matches!(user().refused_with(token).await, ExchangeError::BadAnswer(_)));
    // One that asks for 2^31 iterations is not computed for; one that never answers is not waited for.
    let scram = User::new(SCRAM, "pencil");
    let (connection, _serving) = broker(|turn, heard| match turn {
        0 => offers(0, &[]),
        _ => {
            let token = heard.token();
            let nonce = token.strip_prefix("n,,n=weir,r=").unwrap();
            says(0, &format!("r={nonce}x,s={},i=2147483648", STANDARD.encode("salt")), 0)
        }
    })
    .await;
    assert_eq!(sasl(scram.login(connection).await.unwrap_err()), SaslError::Iterations(1 << 31));
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
    let silent = ControlConnection::new(Link::plain(stream), &timeouts());
    assert!(matches!(within(10, user().login(silent)).await, Err(ExchangeError::TimedOut)));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn hostile_u1_who_was_refused_does_not_come_back_at_once_unless_the_file_says_something_else() {
    let user = User::new(Mechanism::OAuthBearer, TOKEN);
    let refused = sasl(user.refused_with(|turn| if turn == 0 { offers(0, &[]) } else { says(58, "", 0) }).await);
    assert_eq!(user.identity.login(&user.name, None).await.unwrap_err(), refused);
    fs::write(user.file(), "renewed.token\n").unwrap();
    assert!(user.identity.login(&user.name, None).await.is_ok(), "another token is tried at once");
    fs::remove_file(user.file()).unwrap();
    let missing = user.identity.login(&user.name, None).await.unwrap_err().to_string();
    assert!(missing.starts_with('`') && missing.contains("cannot be read"), "{missing}");
}

#[tokio::test]
async fn what_a_broker_grants_for_a_time_is_asked_for_again_before_the_next_question() {
    let user = User::new(Mechanism::OAuthBearer, TOKEN);
    let answers = |_: usize, heard: &Heard| match heard.key {
        17 => offers(0, &[]),
        36 => says(0, "", 1_000),
        _ => Some(vec![0; 6]),
    };
    let (connection, serving) = broker(answers).await;
    let question = OwnRequest::ApiVersions { version: 0 };
    let (connection, _) = user.login(connection).await.unwrap().ask(&question).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    // What stands in the file by now is what is shown.
    fs::write(user.file(), "renewed.token\n").unwrap();
    let (connection, _) = connection.ask(&question).await.unwrap();
    drop(connection);
    let heard = serving.await.unwrap();
    assert_eq!(heard.iter().map(|heard| heard.key).collect::<Vec<_>>(), [17, 36, 18, 17, 36, 18]);
    assert!(heard[4].token().contains("renewed.token"));
}

#[tokio::test]
async fn a_lease_is_due_between_85_and_95_percent_of_its_time() {
    let user = User::new(Mechanism::OAuthBearer, TOKEN);
    let mut spread = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answers = |turn, _: &Heard| if turn == 0 { offers(0, &[]) } else { says(0, "", 1_000_000) };
        let before = Instant::now();
        let (connection, _serving) = broker(answers).await;
        let (_, lease) = user.login(connection).await.unwrap().into_parts();
        let (lease, after): (Lease, _) = (lease.unwrap(), Instant::now());
        assert!(!lease.is_due(before + Duration::from_secs(849)));
        assert!(lease.is_due(after + Duration::from_secs(951)));
        spread.insert((849..951).find(|second| lease.is_due(before + Duration::from_secs(*second))));
    }
    assert!(spread.len() > 5, "not all at once: {spread:?}");
    let (connection, _serving) = broker(|turn, _| if turn == 0 { offers(0, &[]) } else { says(0, "", i64::MAX) }).await;
    assert!(user.login(connection).await.is_ok());
}
