//! Servers that are none: they say nothing, or garbage, or never end, before TLS or behind it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use weir_testkit::Identity;

/// Longer than any examination of these tests.
const LONG: Duration = Duration::from_secs(60);

/// What a server does.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    Silent,
    Garbage,
    /// The beginning of TLS, for ever.
    Endless,
    Banner,
    /// TLS, and then as the rest says.
    SilentBehindTls,
    GarbageBehindTls,
    /// An announced length of 2 GiB.
    LongBehindTls,
    /// A length that may be, and one byte after the other.
    SlowBehindTls,
    /// An answer to ApiVersions with two thousand million elements.
    BombBehindTls,
    /// An answer to another request, again and again.
    EndlessBehindTls,
    HttpBehindTls,
}

/// All of them, each with the step at which it is named and what it may be called.
pub const SERVERS: &[(Server, &str, &[&str])] = &[
    (Server::Silent, "tls", &["tls-silent"]),
    (Server::Garbage, "tls", &["not-tls"]),
    (Server::Endless, "tls", &["not-tls", "tls-broken", "tls-silent"]),
    (Server::Banner, "tls", &["not-tls"]),
    (Server::SilentBehindTls, "principal", &["no-answer"]),
    (Server::GarbageBehindTls, "principal", &["not-kafka"]),
    (Server::LongBehindTls, "principal", &["not-kafka"]),
    (Server::SlowBehindTls, "principal", &["no-answer"]),
    (Server::BombBehindTls, "principal", &["not-kafka"]),
    (Server::EndlessBehindTls, "principal", &["not-kafka"]),
    (Server::HttpBehindTls, "principal", &["not-kafka"]),
];

/// Starts one for as long as the test process lives, and says where.
pub fn start(server: Server, identity: &Identity) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let config = config(identity);
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // An end of the other side ends it.
            std::thread::spawn(move || drop(serve(server, tcp, config)));
        }
    });
    address
}

fn config(identity: &Identity) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(identity.issued.chain_pem.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.issued.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn serve(server: Server, mut tcp: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    tcp.set_read_timeout(Some(LONG))?;
    match server {
        Server::Silent => std::thread::sleep(LONG),
        Server::Garbage => {
            tcp.write_all(&[0xf0, 0x9f, 0x1b, 0x5b, 0x32, 0x4a, 0xff, 0x00].repeat(64))?;
            std::thread::sleep(LONG);
        }
        // Handshake records with a ServerHello of a length that does not come to its end.
        Server::Endless => loop {
            let mut record = vec![0x16, 3, 3, 0x10, 0, 2, 0xff, 0xff, 0xff];
            record.resize(5 + 0x1000, 0);
            tcp.write_all(&record)?;
        },
        Server::Banner => {
            tcp.write_all(b"SSH-2.0-x\x1b[2J\r\n")?;
            std::thread::sleep(LONG);
        }
        behind => behind_tls(behind, StreamOwned::new(ServerConnection::new(config).unwrap(), tcp))?,
    }
    Ok(())
}

fn behind_tls(server: Server, mut tls: StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<()> {
    // The request: its length, then itself.
    let mut request = [0; 64];
    let count = tls.read(&mut request)?;
    assert!(count > 4);
    // The number of an answer to it, behind a length.
    let answer =
        |length: i32, body: &[u8]| [&length.to_be_bytes()[..], request.get(8..12).unwrap_or_default(), body].concat();
    match server {
        Server::GarbageBehindTls => tls.write_all(&answer(12, b"\x7f\x7f\x1b[2Jgar"))?,
        Server::LongBehindTls => tls.write_all(&answer(i32::MAX, &[0; 1024]))?,
        Server::BombBehindTls => tls.write_all(&answer(10, &[0, 0, 0x7f, 0xff, 0xff, 0xff]))?,
        Server::SlowBehindTls => {
            tls.write_all(&answer(1_000_000, &[]))?;
            loop {
                tls.write_all(&[0])?;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Server::EndlessBehindTls => loop {
            tls.write_all(&[0, 0, 0, 12, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0])?;
        },
        Server::HttpBehindTls => tls.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?,
        _ => {}
    }
    std::thread::sleep(LONG);
    Ok(())
}
