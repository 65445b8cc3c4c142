//! Listening sockets, and the settings of accepted ones.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;

/// Connections that wait in the kernel to be accepted: a second of them, when every client comes back at once.
pub(super) const BACKLOG: i32 = 4_096;

/// A peer that vanished without a word is noticed after 60 s of silence and six probes, 10 s apart.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(10), 6);

/// How long sent bytes may stay unacknowledged: as long as a slow reader may take with its window closed, and more.
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// Binds and listens, on the current runtime. `::` takes IPv4 clients too.
///
/// # Errors
/// The address is taken, is not this machine's, or needs rights that this process lacks.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart must not wait for the last connections of the process before it.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Sets up an accepted socket, a client's or a broker's.
///
/// # Errors
/// The connection is gone already.
pub fn tune<S: std::os::fd::AsFd>(socket: &S) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let (time, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bound_port_is_taken_and_free_again_after_the_listener() {
        let first = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let client = std::net::TcpStream::connect(address).unwrap();
        tune(&client).unwrap();
        drop(first);
        bind(address).unwrap();
    }
}
