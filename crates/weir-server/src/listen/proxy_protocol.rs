//! The PROXY protocol, version 2, as load balancers write it before the first byte of a client.
//!
//! Must never: be read from an address that is not trusted (whoever may write this header may be anybody), accept a
//! header that it does not understand to the last byte, or read a byte beyond it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpStream;

/// The twelve bytes at the start. No line of text and no TLS record begins so.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family and protocol, and the length of the rest.
const FIXED: usize = 16;

/// The longest rest. Addresses take up to 36 bytes; the largest fields in use are names and certificates' names.
const LONGEST: usize = 2_048;

/// What is wrong with a header.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Not version 2: perhaps version 1, or no header at all.
    #[error("a PROXY v2 header was expected")]
    Signature,
    /// A command other than LOCAL and PROXY.
    #[error("unknown PROXY command")]
    Command,
    /// Not TCP over IPv4 or IPv6.
    #[error("the PROXY header is for another protocol than TCP")]
    Family,
    /// The lengths inside do not add up, or the whole is too long.
    #[error("a length in the PROXY header is wrong")]
    Length,
    /// The connection ended or broke.
    #[error("the connection ended in the PROXY header")]
    Io(#[from] io::Error),
}

/// Reads the header that a trusted proxy sends, and gives the client's address: the proxy's own for a connection of its
/// own (a health check). The caller bounds the time.
///
/// # Errors
/// There is no header, or a wrong one.
pub async fn read(tcp: &TcpStream, proxy: SocketAddr) -> Result<SocketAddr, ProxyError> {
    let mut fixed = [0; FIXED];
    read_exact(tcp, &mut fixed).await?;
    let header = parse_fixed(&fixed)?;
    let mut rest = vec![0; header.length];
    read_exact(tcp, &mut rest).await?;
    Ok(parse_rest(header, &rest)?.unwrap_or(proxy))
}

/// Exactly as many bytes: what follows belongs to TLS.
async fn read_exact(tcp: &TcpStream, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        tcp.readable().await?;
        match tcp.try_read(bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => bytes = bytes.get_mut(read..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the first sixteen bytes say.
#[derive(Clone, Copy, Debug)]
struct Fixed {
    is_local: bool,
    family: u8,
    length: usize,
}

const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

fn parse_fixed(bytes: &[u8; FIXED]) -> Result<Fixed, ProxyError> {
    let [.., command, family, high, low] = *bytes;
    if !bytes.starts_with(&SIGNATURE) || command >> 4 != 2 {
        return Err(ProxyError::Signature);
    }
    let is_local = match command & 0x0f {
        0 => true,
        1 => false,
        _ => return Err(ProxyError::Command),
    };
    if !is_local && family != TCP_OVER_IPV4 && family != TCP_OVER_IPV6 {
        return Err(ProxyError::Family);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST { Err(ProxyError::Length) } else { Ok(Fixed { is_local, family, length }) }
}

/// The client's address, or nothing for a connection of the proxy's own, whose rest means nothing.
fn parse_rest(fixed: Fixed, rest: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    if fixed.is_local {
        return Ok(None);
    }
    let (address, fields) = match fixed.family {
        TCP_OVER_IPV4 => {
            let (addresses, fields) = rest.split_first_chunk::<12>().ok_or(ProxyError::Length)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            let ip = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            (SocketAddr::new(ip, u16::from_be_bytes([high, low])), fields)
        }
        _ => {
            let (source, after) = rest.split_first_chunk::<16>().ok_or(ProxyError::Length)?;
            let (ports, fields) = after.split_first_chunk::<20>().ok_or(ProxyError::Length)?;
            let [.., high, low, _, _] = *ports;
            // An IPv4 client in IPv6 form is an IPv4 client: networks are compared in that form.
            let ip = Ipv6Addr::from(*source).to_canonical();
            (SocketAddr::new(ip, u16::from_be_bytes([high, low])), fields)
        }
    };
    check_fields(fields)?;
    Ok(Some(address))
}

const FIELD_CRC32C: u8 = 0x03;
const FIELD_TLS: u8 = 0x20;
/// Flags and the verification result, before the fields inside the TLS field.
const TLS_FIXED: usize = 5;

/// Walks type, length and value of every field to the exact end, and into the one that holds others.
fn check_fields(mut fields: &[u8]) -> Result<(), ProxyError> {
    while let Some((head, rest)) = fields.split_first_chunk::<3>() {
        let [kind, high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, after) = rest.split_at_checked(length).ok_or(ProxyError::Length)?;
        match kind {
            FIELD_CRC32C if length != 4 => return Err(ProxyError::Length),
            FIELD_TLS => check_tls_field(value)?,
            _ => {}
        }
        fields = after;
    }
    if fields.is_empty() { Ok(()) } else { Err(ProxyError::Length) }
}

/// The fields inside cannot hold another TLS field, so this goes no deeper.
fn check_tls_field(value: &[u8]) -> Result<(), ProxyError> {
    let mut fields = value.get(TLS_FIXED..).ok_or(ProxyError::Length)?;
    while let Some((head, rest)) = fields.split_first_chunk::<3>() {
        let [_, high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        fields = rest.get(length..).ok_or(ProxyError::Length)?;
    }
    if fields.is_empty() { Ok(()) } else { Err(ProxyError::Length) }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn parse(bytes: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
        let fixed = parse_fixed(bytes[..FIXED].try_into().unwrap())?;
        assert_eq!(fixed.length, bytes.len() - FIXED);
        parse_rest(fixed, &bytes[FIXED..])
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x23, 0x85];

    fn v4_with(fields: &[u8]) -> Vec<u8> {
        header(0x21, TCP_OVER_IPV4, &[&V4[..], fields].concat())
    }

    #[test]
    fn the_source_is_the_client() {
        assert_eq!(parse(&v4_with(&[])).unwrap(), Some("192.0.2.7:40000".parse().unwrap()));
        let mut v6 = [0_u8; 36];
        v6[..16].copy_from_slice(&"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
        v6[32..34].copy_from_slice(&40_000_u16.to_be_bytes());
        assert_eq!(parse(&header(0x21, TCP_OVER_IPV6, &v6)).unwrap(), Some("[2001:db8::7]:40000".parse().unwrap()));
        v6[..16].copy_from_slice(&"::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(parse(&header(0x21, TCP_OVER_IPV6, &v6)).unwrap(), Some("192.0.2.7:40000".parse().unwrap()));
    }

    #[test]
    fn a_health_check_is_the_proxy_itself() {
        assert_eq!(parse(&header(0x20, 0, &[])).unwrap(), None);
        assert_eq!(parse(&header(0x20, 0, &[1, 2, 3])).unwrap(), None);
    }

    #[test]
    fn hostile_t18_fields_end_exactly() {
        let sound: [&[u8]; 3] = [&[4, 0, 0], &[3, 0, 4, 1, 2, 3, 4], &[0x20, 0, 9, 1, 0, 0, 0, 0, 0x22, 0, 1, 65]];
        for fields in sound {
            assert!(parse(&v4_with(fields)).is_ok(), "{fields:?}");
        }
        let wrong: [&[u8]; 7] = [
            &[4],
            &[4, 0],
            &[4, 0, 1],
            &[4, 0xff, 0xff, 1],
            &[3, 0, 3, 1, 2, 3],
            &[0x20, 0, 4, 1, 0, 0, 0],
            &[0x20, 0, 8, 1, 0, 0, 0, 0, 0x22, 0, 1],
        ];
        for fields in wrong {
            assert!(matches!(parse(&v4_with(fields)), Err(ProxyError::Length)), "{fields:?}");
        }
    }

    #[test]
    fn hostile_t18_everything_else_is_refused() {
        assert!(matches!(parse(&header(0x11, TCP_OVER_IPV4, &V4)), Err(ProxyError::Signature)));
        assert!(matches!(parse(b"PROXY TCP4 192.0.2.7 198"), Err(ProxyError::Signature)));
        assert!(matches!(parse(&header(0x22, TCP_OVER_IPV4, &V4)), Err(ProxyError::Command)));
        for family in [0x00, 0x12, 0x22, 0x31, 0x32, 0xff] {
            assert!(matches!(parse(&header(0x21, family, &V4)), Err(ProxyError::Family)), "{family}");
        }
        for length in 0..12 {
            let short = header(0x21, TCP_OVER_IPV4, &V4[..length]);
            assert!(matches!(parse(&short), Err(ProxyError::Length)), "{length}");
        }
        assert!(matches!(parse(&header(0x21, TCP_OVER_IPV6, &[0; 35])), Err(ProxyError::Length)));
        let too_long = header(0x21, TCP_OVER_IPV4, &[0; LONGEST + 1]);
        assert!(matches!(parse_fixed(too_long[..FIXED].try_into().unwrap()), Err(ProxyError::Length)));
    }

    #[tokio::test]
    async fn bytes_after_the_header_stay_for_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut proxy = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, peer) = listener.accept().await.unwrap();
        let mut sent = v4_with(&[4, 0, 2, 0, 0]);
        sent.extend([0x16, 3, 1]);
        proxy.write_all(&sent).await.unwrap();
        assert_eq!(read(&server, peer).await.unwrap(), "192.0.2.7:40000".parse().unwrap());
        let mut rest = [0; 3];
        server.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, [0x16, 3, 1]);
        drop(proxy);
        assert!(matches!(read(&server, peer).await, Err(ProxyError::Io(_))));
    }
}
