//! The end of the process: every connection closes behind an answer, at once or each at an instant of its own.
//!
//! Must never: take longer than it was given, or keep clients waiting for a successor that does not accept.

use std::future::Future;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::TcpListener;

use crate::worker::{Stopping, WorkerHandle};

/// How long connections may take to come to a response boundary: past it, what is left is cut.
pub(crate) const STOP: Duration = Duration::from_secs(4);

/// How often it is looked at who is left.
const LOOK: Duration = Duration::from_millis(10);

/// How long a connection may wait in a socket that was handed over before it is clear that no successor accepts.
const UNSERVED: Duration = Duration::from_millis(500);

/// What is to be drained. Nobody accepts any more.
pub(crate) struct Drain<'a> {
    pub(crate) workers: &'a [WorkerHandle],
    /// Over how long the ends are spread, where others serve meanwhile.
    pub(crate) spread: Option<Duration>,
    /// The sockets that a service manager holds; their queues show whether somebody accepts.
    pub(crate) queues: Vec<TcpListener>,
}

impl Drain<'_> {
    /// Waits, for a bounded time, until every connection has ended. `hurry` ends the spread.
    pub(crate) async fn run(self, hurry: impl Future<Output = ()>) {
        if let Some(spread) = self.spread {
            let by = Instant::now().checked_add(spread).unwrap_or_else(Instant::now);
            self.stop(Stopping::Spread { by });
            let cut_short = tokio::select! {
                () = self.all_ended() => return,
                () = tokio::time::sleep_until(by.into()) => None,
                () = hurry => Some("another signal came"),
                () = nobody_accepts(&self.queues) => Some("no successor accepts: clients would wait for it"),
            };
            if let Some(reason) = cut_short {
                tracing::info!(reason, "the spread is cut short");
            }
        }
        self.stop(Stopping::Now);
        if tokio::time::timeout(STOP, self.all_ended()).await.is_err() {
            tracing::warn!("connections were cut: they did not end in time");
        }
    }

    fn stop(&self, stopping: Stopping) {
        self.workers.iter().for_each(|worker| worker.stop(stopping));
    }

    async fn all_ended(&self) {
        while !self.workers.iter().all(WorkerHandle::has_ended) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Ends when a connection has waited for too long in one of these sockets; never where there is none.
async fn nobody_accepts(queues: &[TcpListener]) {
    let mut waiting_since = vec![None; queues.len()];
    loop {
        for (listener, since) in queues.iter().zip(&mut waiting_since) {
            let now = Instant::now();
            *since = has_queue(listener).then(|| since.unwrap_or(now));
            if since.is_some_and(|since: Instant| now.saturating_duration_since(since) >= UNSERVED) {
                return;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether somebody waits to be accepted. Looking takes nobody out of the queue.
fn has_queue(listener: &TcpListener) -> bool {
    let mut asked = [PollFd::new(listener, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn listener() -> (TcpListener, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_queue_that_nobody_serves_is_noticed_and_one_that_is_served_is_not() {
        let (held, address) = listener().await;
        let held = [held];
        let quiet = tokio::time::timeout(UNSERVED * 2, nobody_accepts(&held)).await;
        assert!(quiet.is_err(), "nobody waits");
        let _client = std::net::TcpStream::connect(address).unwrap();
        let serves = async {
            tokio::time::sleep(UNSERVED / 2).await;
            let _served = held[0].accept().await.unwrap();
            tokio::time::sleep(UNSERVED * 2).await;
        };
        tokio::select! {
            () = nobody_accepts(&held) => panic!("it was accepted in time"),
            () = serves => {}
        }
        let _another = std::net::TcpStream::connect(address).unwrap();
        let began = Instant::now();
        tokio::time::timeout(UNSERVED * 10, nobody_accepts(&held)).await.unwrap();
        assert!(began.elapsed() >= UNSERVED);
    }
}
