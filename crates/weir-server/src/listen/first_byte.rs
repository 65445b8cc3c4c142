//! What kind of client it is, by the first bytes that it sent, without taking them off the socket.
//!
//! A Kafka client without TLS takes our TLS alert for the length of a frame of 352 MB, and some run out of memory over
//! it (KAFKA-4090). So whoever does not begin with TLS is closed without a byte. Must never: consume or send one.

use std::io;

use tokio::net::TcpStream;

use crate::close_reason::CloseReason;

/// The record type of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Waits for the first byte, and ends the connection if it is not TLS. The caller bounds the time.
///
/// # Errors
/// What the client is instead, or that it left.
pub async fn expect_tls(tcp: &TcpStream) -> Result<(), CloseReason> {
    let mut first = [0; 8];
    match tcp.peek(&mut first).await {
        Ok(0) => Err(CloseReason::TlsEof),
        Ok(length) => classify(first.get(..length).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(CloseReason::ClientReset),
        Err(_) => Err(CloseReason::TlsEof),
    }
}

/// What the first bytes are; at least one is there.
fn classify(first: &[u8]) -> Result<(), CloseReason> {
    match first {
        [TLS_HANDSHAKE, ..] => Ok(()),
        // The length of a frame below 16 MiB: no Kafka client begins with a longer one.
        [0, ..] => Err(CloseReason::NotTlsKafka),
        _ if is_http(first) => Err(CloseReason::NotTlsHttp),
        _ => Err(CloseReason::NotTlsOther),
    }
}

fn is_http(first: &[u8]) -> bool {
    let methods = [&b"GET "[..], b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"DELETE ", b"PRI * "];
    methods.iter().any(|method| method.starts_with(first) || first.starts_with(method))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn hostile_t17_the_first_byte_tells_the_kind() {
        assert_eq!(classify(&[0x16, 3, 1]), Ok(()));
        assert_eq!(classify(&[0, 0, 0, 43, 0, 18, 0, 3]), Err(CloseReason::NotTlsKafka));
        assert_eq!(classify(b"GET / HT"), Err(CloseReason::NotTlsHttp));
        assert_eq!(classify(b"G"), Err(CloseReason::NotTlsHttp));
        for other in [&b"SSH-2.0-"[..], b"PROXY TC", b"\r\n\r\n\0\r\nQ", &[0x80, 0x2e, 1], &[0x15, 3, 1], b"\xff"] {
            assert_eq!(classify(other), Err(CloseReason::NotTlsOther), "{other:?}");
        }
    }

    #[tokio::test]
    async fn hostile_t17_a_client_without_tls_gets_no_byte() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(&[0, 0, 0, 43]).await.unwrap();
        assert_eq!(expect_tls(&server).await, Err(CloseReason::NotTlsKafka));
        drop(server);
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.is_empty());
    }

    #[tokio::test]
    async fn the_first_bytes_stay_for_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(&[0x16, 3, 1]).await.unwrap();
        assert_eq!(expect_tls(&server).await, Ok(()));
        let mut bytes = [0; 3];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, [0x16, 3, 1]);
    }
}
