//! The broker's side: dialled when a request needs it, written with nothing but `Cleared`, and lost for good when it
//! breaks.
//!
//! Must never: be dialled before the client's identity is known, be written with anything but a `Cleared`, or be
//! dialled again for the same client connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_kafka::advertise::Target;
use weir_kafka::answer::Sink;
use weir_kafka::cleared::Cleared;
use weir_kafka::cluster::ClusterView;
use weir_kafka::env::Env;
use weir_kafka::session::Session;
use weir_policy::Principal;

use super::client::Client;
use crate::close_reason::CloseReason;
use crate::link::Link;
use crate::upstream::{Lease, Opened, Upstream};

/// How long an answer waits for a view that is new enough; past it, the last good one will do.
const VIEW: Duration = Duration::from_secs(5);

/// A dial or a login under way, and the request that it is for.
pub(super) struct DialWait {
    pub dial: Pin<Box<dyn Future<Output = Option<Opened>>>>,
    pub cleared: Cleared,
}

/// A wait for a view.
pub(super) type ViewWait = Pin<Box<dyn Future<Output = Option<Arc<ClusterView>>>>>;

/// The broker's connection.
pub(super) enum Broker {
    /// None was needed yet.
    None,
    /// It is being opened.
    Dialling(DialWait),
    /// It is open.
    Open(Open),
    /// It is open, and the broker is shown anew who Weir is before it is asked more.
    Renewing(DialWait),
}

/// An open connection to a broker.
pub(super) struct Open {
    pub link: Link,
    /// For how long the broker takes it for authenticated; nothing where that has no end.
    lease: Option<Lease>,
    /// That is over soon.
    is_due: bool,
    /// What was read and not taken: the start of a piece that is not whole yet, or a later answer.
    carry: Vec<u8>,
    /// What was read is a later answer, behind one of Weir's own or one that must go first.
    held_back: bool,
}

impl Broker {
    /// A connection that has just been opened, with the request that it was opened for.
    pub(super) fn open(opened: Opened, cleared: Cleared) -> Self {
        let Opened { link, lease } = opened;
        let mut open = Open { link, lease, is_due: false, carry: Vec::new(), held_back: false };
        open.send(cleared);
        Self::Open(open)
    }

    /// Takes note of whether Weir is to show anew who it is.
    pub(super) fn look(&mut self, now: Instant) {
        if let Self::Open(Open { lease: Some(lease), is_due, .. }) = self {
            *is_due = lease.is_due(now);
        }
    }

    /// Whether another request may be taken: none while a dial or a login is under way, so that order holds, none while the
    /// broker does not read, and none while it owes answers and a login is due.
    pub(super) fn takes_requests(&self, session: &Session) -> bool {
        match self {
            Self::None => true,
            Self::Dialling(_) | Self::Renewing(_) => false,
            Self::Open(open) => !(open.link.has_pending() || open.is_due && session.is_owed_answers()),
        }
    }

    /// Sends a request, opening the connection where it is the first, and after a login where one is due.
    pub(super) fn send(
        &mut self,
        cleared: Cleared,
        upstream: &Arc<Upstream>,
        target: Target,
        whose: &Arc<Principal>,
    ) -> Result<(), CloseReason> {
        if let Self::Open(open) = self
            && !open.is_due
        {
            open.send(cleared);
            return Ok(());
        }
        match std::mem::replace(self, Self::None) {
            Self::Open(open) => {
                let dial = open.renew(Arc::clone(upstream))?;
                *self = Self::Renewing(DialWait { dial, cleared });
            }
            // No request is taken while one of them is under way.
            Self::Dialling(_) | Self::Renewing(_) => return Err(CloseReason::Internal),
            Self::None => {
                // Only here: all workers would write to the one count of references, at every request.
                let (upstream, whose) = (Arc::clone(upstream), Arc::clone(whose));
                let dial = Box::pin(async move { dial(&upstream, target, &whose).await });
                *self = Self::Dialling(DialWait { dial, cleared });
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), CloseReason> {
        match self {
            Self::Open(open) => open.link.try_flush().map(|_| ()).map_err(|_| CloseReason::UpstreamLost),
            Self::None | Self::Dialling(_) | Self::Renewing(_) => Ok(()),
        }
    }

    /// Notices a broker that closed while nothing was asked of it.
    pub(super) fn expect_silence(&mut self) -> Result<(), CloseReason> {
        let Self::Open(open) = self else { return Ok(()) };
        if !open.carry.is_empty() {
            return Err(CloseReason::UpstreamDesync);
        }
        match open.link.try_read(&mut [0; 1]) {
            Ok(0) => Err(CloseReason::UpstreamLost),
            Ok(_) => Err(CloseReason::UpstreamDesync),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(CloseReason::UpstreamLost),
        }
    }
}

impl Open {
    /// Shows the broker anew who Weir is. It owes no answer, so what it says belongs to that.
    fn renew(self, upstream: Arc<Upstream>) -> Result<Pin<Box<dyn Future<Output = Option<Opened>>>>, CloseReason> {
        let Self { link, lease, carry, .. } = self;
        if !carry.is_empty() {
            return Err(CloseReason::UpstreamDesync);
        }
        Ok(Box::pin(async move { upstream.renewed(Opened { link, lease }).await }))
    }

    fn send(&mut self, cleared: Cleared) {
        self.link.put_owned(cleared.into_frame());
    }

    /// Puts what is there to be looked at into the worker's scratch, and says how much that is; nothing where nothing
    /// came.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> Result<Option<usize>, CloseReason> {
        let carried = self.carry.len();
        let Some((start, room)) = scratch.split_at_mut_checked(carried) else { return Err(CloseReason::Internal) };
        // What was held back is looked at before more is read.
        let arrived = if self.held_back {
            0
        } else {
            match self.link.try_read(room) {
                Ok(0) => return Err(CloseReason::UpstreamLost),
                Ok(arrived) => arrived,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(_) => return Err(CloseReason::UpstreamLost),
            }
        };
        start.copy_from_slice(&self.carry);
        Ok(Some(carried.saturating_add(arrived)))
    }

    /// Has what `read` put into the scratch checked, and gives it to the client: no more than one answer beyond what
    /// the scratch has room for. What refused partitions are told may be far longer than what the broker says, and many
    /// short answers come at once.
    pub(super) fn relay(
        &mut self,
        scratch: &mut [u8],
        filled: usize,
        session: &mut Session,
        env: &Env<'_>,
        client: &mut Client,
    ) -> Result<(), CloseReason> {
        let (mut taken, mut lacks_more) = (0_usize, false);
        let enough = scratch.len();
        let mut client = Counted { client, given: 0 };
        while taken < filled && client.given <= enough && session.awaits_broker_now() {
            let rest = scratch.get_mut(taken..filled).unwrap_or_default();
            let took = session.feed_broker(rest, env, &mut client).map_err(CloseReason::from)?;
            if took == 0 {
                lacks_more = true;
                break;
            }
            taken = taken.saturating_add(took);
        }
        self.held_back = taken < filled && !lacks_more;
        self.carry.clear();
        self.carry.extend_from_slice(scratch.get(taken..filled).unwrap_or_default());
        if self.carry.is_empty() {
            // An idle connection holds no buffer.
            self.carry = Vec::new();
        }
        Ok(())
    }
}

/// The client, and how many bytes it was given.
struct Counted<'a> {
    client: &'a mut Client,
    given: usize,
}

impl Sink for Counted<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.given = self.given.saturating_add(bytes.len());
        self.client.put(bytes);
    }

    fn put_all(&mut self, parts: &[&[u8]]) {
        self.given = parts.iter().fold(self.given, |sum, part| sum.saturating_add(part.len()));
        self.client.put_all(parts);
    }
}

/// Waits for a view of the cluster, for a bounded time.
pub(super) fn wait_for_view(upstream: Arc<Upstream>, not_older_than: Instant, now: Instant) -> ViewWait {
    let deadline = now.checked_add(VIEW).unwrap_or(now);
    Box::pin(async move { upstream.fresh_view(not_older_than, deadline).await })
}

/// Opens a connection; nothing where the broker cannot be reached.
async fn dial(upstream: &Upstream, target: Target, whose: &Principal) -> Option<Opened> {
    let opened = upstream.open(target, &whose.name, &whose.tier.name).await;
    opened.inspect_err(|error| tracing::debug!(?target, %error, "a broker could not be dialled")).ok()
}
