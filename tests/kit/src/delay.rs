//! A long way on loopback: a TCP relay whose every byte arrives half a round trip after it was sent, in order.
//!
//! It does what a link with room does: no byte is lost, and bandwidth is kept, up to one window a round trip, as of a
//! TCP receiver with the largest buffer that Linux gives without being asked. A connection takes as long as on a real
//! link to come about: to the client it is there at once, and its first byte waits for the whole way to the target and
//! back. Must never: change a byte, or hold more than a window of each direction of a connection.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// What may be under way: the last value of Linux's own `net.ipv4.tcp_rmem`.
const WINDOW: usize = 6 << 20;
/// What is read at once.
const PIECE: usize = 64 << 10;
/// How many pieces may be under way: many small ones, too.
const PIECES: usize = 4_096;

/// A running relay. It ends when this is dropped, and all its connections with it.
#[derive(Debug)]
pub struct Delay {
    round_trip: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// One address of the relay, and where its connections go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Far {
    /// Where it listens.
    pub here: SocketAddr,
    /// What is that far away.
    pub there: SocketAddr,
}

impl Delay {
    /// Listens on each `here`; its `there` is a round trip away.
    ///
    /// # Errors
    /// An address is taken, or the relay's thread cannot be started.
    pub fn start(ways: &[Far], round_trip: Duration) -> io::Result<Self> {
        let bind = |far: &Far| {
            let listener = StdListener::bind(far.here)?;
            listener.set_nonblocking(true)?;
            Ok((listener, far.there))
        };
        let listeners = ways.iter().map(bind).collect::<io::Result<Vec<_>>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let way = Arc::new(AtomicU64::new(nanoseconds(round_trip)));
        let (stop, stopped) = watch::channel(false);
        let round_trip = Arc::clone(&way);
        let thread = std::thread::Builder::new().name("delay".into());
        let thread = thread.spawn(move || runtime.block_on(serve(listeners, way, stopped)))?;
        Ok(Self { round_trip, stop, thread: Some(thread) })
    }

    /// From here on bytes are under way for so long; open connections stay.
    pub fn set(&self, round_trip: Duration) {
        self.round_trip.store(nanoseconds(round_trip), Ordering::Relaxed);
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How long a byte takes one way.
fn one_way(round_trip: &AtomicU64) -> Duration {
    Duration::from_nanos(round_trip.load(Ordering::Relaxed) / 2)
}

async fn serve(
    listeners: Vec<(StdListener, SocketAddr)>,
    round_trip: Arc<AtomicU64>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut doors = tokio::task::JoinSet::new();
    for (listener, there) in listeners {
        let round_trip = Arc::clone(&round_trip);
        doors.spawn(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((near, _)) = listener.accept().await else { continue };
                // Errors end one connection, as they would without the relay.
                connections.spawn(carry(near, there, Arc::clone(&round_trip)));
                while connections.try_join_next().is_some() {}
            }
        });
    }
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn carry(near: TcpStream, there: SocketAddr, round_trip: Arc<AtomicU64>) -> io::Result<()> {
    near.set_nodelay(true)?;
    // The opening of a connection goes there and back before anything else does.
    sleep(2 * one_way(&round_trip)).await;
    let far = TcpStream::connect(there).await?;
    far.set_nodelay(true)?;
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    let up = one_direction(from_near, to_far, &round_trip);
    let down = one_direction(from_far, to_near, &round_trip);
    tokio::try_join!(up, down).map(|_| ())
}

/// Bytes that are under way; nothing at the end of the direction.
struct Piece {
    arrives: Instant,
    bytes: Vec<u8>,
}

/// The window bounds what is under way, in bytes; the queues bound it in pieces.
async fn one_direction(from: OwnedReadHalf, to: OwnedWriteHalf, round_trip: &AtomicU64) -> io::Result<()> {
    let window = Semaphore::new(WINDOW);
    let (pieces, under_way) = mpsc::channel(PIECES);
    let (arrivals, arrived) = mpsc::channel(PIECES);
    tokio::try_join!(
        take_in(from, pieces, &window, round_trip),
        give_out(to, under_way, arrivals, round_trip),
        acknowledge(arrived, &window),
    )
    .map(|_| ())
}

async fn take_in(
    mut from: OwnedReadHalf,
    pieces: mpsc::Sender<Piece>,
    window: &Semaphore,
    round_trip: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let most = u32::try_from(PIECE).map_err(io::Error::other)?;
        window.acquire_many(most).await.map_err(io::Error::other)?.forget();
        let count = from.read(&mut buffer).await?;
        window.add_permits(PIECE - count);
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        let gone = pieces.send(Piece { arrives: Instant::now() + one_way(round_trip), bytes }).await.is_err();
        if gone || count == 0 {
            return Ok(());
        }
    }
}

async fn give_out(
    mut to: OwnedWriteHalf,
    mut under_way: mpsc::Receiver<Piece>,
    arrivals: mpsc::Sender<(Instant, usize)>,
    round_trip: &AtomicU64,
) -> io::Result<()> {
    while let Some(Piece { arrives, bytes }) = under_way.recv().await {
        sleep_until(arrives).await;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
        // Nobody waits for room any more once the other end is gone.
        let _ = arrivals.send((Instant::now() + one_way(round_trip), bytes.len())).await;
    }
    Ok(())
}

/// Makes room for what has arrived, as soon as the sender can know.
async fn acknowledge(mut arrived: mpsc::Receiver<(Instant, usize)>, window: &Semaphore) -> io::Result<()> {
    while let Some((known, count)) = arrived.recv().await {
        sleep_until(known).await;
        window.add_permits(count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// A relay before an echo, and a connection through it.
    fn echo(round_trip: Duration) -> (Delay, TcpStream) {
        let target = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let place = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (here, there) = (place.local_addr().unwrap(), target.local_addr().unwrap());
        drop(place);
        let delay = Delay::start(&[Far { here, there }], round_trip).unwrap();
        std::thread::spawn(move || {
            let (stream, _) = target.accept().unwrap();
            std::io::copy(&mut stream.try_clone().unwrap(), &mut &stream).unwrap();
        });
        let stream = TcpStream::connect(here).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        (delay, stream)
    }

    fn there_and_back(stream: &mut TcpStream) -> Duration {
        let began = std::time::Instant::now();
        stream.write_all(b"?").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        began.elapsed()
    }

    #[test]
    fn a_byte_takes_a_round_trip_and_the_first_one_more_and_both_follow_the_setting() {
        let (delay, mut stream) = echo(Duration::from_millis(100));
        assert!(there_and_back(&mut stream) >= Duration::from_millis(190));
        assert!(there_and_back(&mut stream) >= Duration::from_millis(100));
        delay.set(Duration::ZERO);
        assert!((0..20).any(|_| there_and_back(&mut stream) < Duration::from_millis(20)), "it does not follow");
    }

    #[test]
    fn a_lot_comes_whole_in_order_and_its_end_behind_it() {
        let (_delay, mut stream) = echo(Duration::from_millis(20));
        let sent: Vec<u8> = (0..16_u32 << 20).map(|n| u8::try_from((n >> 7) % 251).unwrap()).collect();
        let mut writing = stream.try_clone().unwrap();
        let copy = sent.clone();
        let writer = std::thread::spawn(move || {
            writing.write_all(&copy).unwrap();
            writing.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut came = Vec::new();
        stream.read_to_end(&mut came).unwrap();
        writer.join().unwrap();
        assert!(came == sent, "{} bytes of {} came back", came.len(), sent.len());
    }
}
