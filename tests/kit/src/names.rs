//! Names for listeners that tell brokers apart by the TLS server name.
//!
//! `weir.localhost` and `b0.weir.localhost` to `b12.weir.localhost` must be 127.0.0.1 for every client: Java, librdkafka,
//! Python, Go and Node all ask the system. `.localhost` is reserved for this: systemd-resolved answers it without any
//! set-up. Where the system does not, `tests/setup.sh` adds one line to /etc/hosts (as root) or prints it.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

/// The bootstrap name. Broker 3 is `b3.` before it.
pub const HOST: &str = "weir.localhost";
/// The highest broker id that has a name.
pub const LAST: i32 = 12;

/// Whether the names resolve. The error says what to type. For `require!`.
pub fn resolve() -> Result<(), String> {
    for name in [HOST.to_string(), format!("b0.{HOST}"), format!("b{LAST}.{HOST}")] {
        let found = (name.as_str(), 1).to_socket_addrs().map(|all| all.map(|a| a.ip()).collect::<Vec<_>>());
        match found {
            Ok(all) if all.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)) => {}
            other => {
                return Err(format!("{name} is not 127.0.0.1 ({other:?}): run tests/setup.sh, it says what to do"));
            }
        }
    }
    Ok(())
}
