//! Where a server is: its name, its addresses, and a connection to one of them.
//!
//! Must never: wait past its deadline, for a name or for a connection.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::Finding;
use super::text::plain;

/// As many addresses of one name as are tried.
const MOST_ADDRESSES: usize = 8;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    /// Reads `host:port`, an IPv6 address in brackets.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').map_or(Some(host), |inner| inner.strip_suffix(']'))?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let is_name =
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
        (is_name && host.len() <= 255).then(|| Self { host: host.to_owned(), port })
    }

    /// A host and a port as a server says them.
    pub(crate) fn of(host: &str, port: i32) -> Option<Self> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Self::read(&format!("{host}:{port}"))
    }

    /// Its addresses.
    pub(crate) fn resolve(&self, limit: Duration) -> Result<Vec<SocketAddr>, Finding> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let asked = (self.host.clone(), self.port);
        let (tell, told) = sync_channel(1);
        // The system's resolver takes no deadline. A thread that it keeps ends with the process.
        let asking = std::thread::Builder::new().spawn(move || {
            let found = asked.to_socket_addrs().map(|all| all.take(MOST_ADDRESSES).collect::<Vec<_>>());
            let _ = tell.send(found);
        });
        let found = match asking.map(|_| told.recv_timeout(limit)) {
            Ok(Ok(found)) => found,
            Ok(Err(RecvTimeoutError::Timeout)) => {
                return Err(Finding::new(Fault::DnsSilent, self.seen("no answer in time")));
            }
            _ => return Err(Finding::new(Fault::DnsSilent, self.seen("the resolver could not be asked"))),
        };
        match found {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            Ok(_) => Err(Finding::new(Fault::NameUnknown, self.seen("no address"))),
            Err(error) => Err(Finding::new(dns_fault(&error), self.seen(&error.to_string()))),
        }
    }

    /// A connection to the first of its addresses that takes one.
    pub(crate) fn connect(addresses: &[SocketAddr], deadline: Deadline) -> Result<TcpStream, Finding> {
        let mut last = Finding::new(Fault::ConnectionTimeout, "no time was left");
        let mut left = addresses.len();
        for address in addresses {
            let Some(rest) = deadline.left() else { break };
            // An address that drops packets leaves time for the others.
            let share = rest / u32::try_from(left.max(1)).unwrap_or(1);
            left = left.saturating_sub(1);
            match TcpStream::connect_timeout(address, share) {
                Ok(tcp) => {
                    let _ = tcp.set_nodelay(true);
                    return Ok(tcp);
                }
                Err(error) => {
                    last = Finding::new(tcp_fault(&error), format!("{address}: {error}"))
                        .with("address", address.to_string());
                }
            }
        }
        Err(last)
    }

    fn seen(&self, what: &str) -> String {
        format!("{}: {}", plain(&self.host), plain(what))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = self.host.contains(':');
        let (open, close) = if bracketed { ("[", "]") } else { ("", "") };
        write!(formatter, "{open}{}{close}:{}", plain(&self.host), self.port)
    }
}

/// "Temporary failure in name resolution" (EAI_AGAIN) is what glibc says where no name server answers.
fn dns_fault(error: &io::Error) -> Fault {
    if error.to_string().contains("Temporary failure") { Fault::DnsSilent } else { Fault::NameUnknown }
}

fn tcp_fault(error: &io::Error) -> Fault {
    match error.kind() {
        ErrorKind::ConnectionRefused => Fault::ConnectionRefused,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Fault::ConnectionTimeout,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Fault::ClosedBeforeTls,
        _ => Fault::NetworkUnreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_and_a_port() {
        let read = |text: &str| Place::read(text).map(|place| (place.host.clone(), place.port, place.to_string()));
        let of = |host: &str, port, text: &str| Some((host.to_owned(), port, text.to_owned()));
        assert_eq!(read("kafka.example.org:9093"), of("kafka.example.org", 9093, "kafka.example.org:9093"));
        assert_eq!(read("[2001:db8::1]:9093"), of("2001:db8::1", 9093, "[2001:db8::1]:9093"));
        for wrong in ["", "kafka", "kafka:", ":9093", "kafka:0", "kafka:99999", "[::1:9093", "a b:1", "a\u{1b}:1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_is_not_asked_for() {
        let place = Place::read("127.0.0.1:1").unwrap();
        assert_eq!(place.resolve(Duration::from_secs(1)).unwrap(), ["127.0.0.1:1".parse().unwrap()]);
    }
}
