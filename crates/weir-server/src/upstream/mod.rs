//! One broker cluster, by name: what it holds (a view of catalogue topics), whether it can be reached, and a door to
//! dial it.
//!
//! `control` keeps the view, on the main thread; `broker` keeps each listed broker's address and versions; `dial` opens
//! connections for clients, on the workers' threads.
//! Must never: keep or log a topic that the catalogue does not allow, dial a cluster whose id is not the pinned one, or
//! put a lock on a client's hot path.

mod asking;
mod backoff;
mod broker;
mod compaction;
mod connect;
mod control;
mod dial;
mod exchange;
mod groups;
mod metadata;
mod notice;
mod offsets;
mod pace;
mod probe;
mod resolve;
mod sasl;
mod settings;
#[cfg(test)]
mod tests;
mod turns;
mod versions;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use weir_kafka::advertise::Target;
use weir_kafka::cluster::{ClusterView, RealBrokerId, RealClusterId};
use weir_kafka::subscriptions::Subscriptions;

use crate::lock::lock;
pub(crate) use asking::Coordinators;
pub(crate) use backoff::random_instant;
use broker::Broker;
pub(crate) use compaction::{Confirmed, Told};
pub use connect::TlsPeer;
use control::Control;
pub(crate) use dial::Opened;
pub use dial::{DialError, Dialed};
pub(crate) use exchange::ControlConnection;
pub use exchange::ExchangeError;
pub(crate) use offsets::{EARLIEST, Partitions};
pub(crate) use probe::{Probe, served};
pub use sasl::{Identity, Mechanism, SaslError, ScramHash, UpstreamSasl};
pub(crate) use sasl::{Lease, Secret};
pub use settings::{Caller, HostPort, UpstreamSettings, UpstreamTimeouts, UpstreamTls};
pub(crate) use versions::{METADATA_BY_NAME, Ranges};

/// The handle of one upstream, for every thread. Dropping the last one ends its tasks.
#[derive(Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
    control: AbortHandle,
    subscriptions: Subscriptions,
}

/// The topics to know of: those that the catalogue allows, and nothing else.
pub struct WantedTopics {
    /// Topics that the catalogue names.
    pub literals: Vec<String>,
    /// Whether a pattern of the catalogue allows a topic.
    pub keep: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// Whether the catalogue has patterns, so that the brokers must be asked for all topics.
    pub pattern: bool,
}

/// Whether an upstream can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamReadiness {
    /// It answered the last time it was asked.
    Ready,
    /// It cannot serve, and why.
    NotReady(NotReady),
}

/// Why an upstream cannot serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// No broker has answered since the start.
    #[error("no broker has answered since the start; check the addresses in `bootstrap`")]
    NeverReached,
    /// Brokers have answered before, and none does now.
    #[error("no broker can be reached")]
    NoBrokerReachable,
    /// The brokers ask who Weir is, and do not take its answer, or there is none.
    #[error("a login at a broker failed: {0}")]
    NotLetIn(SaslError),
    /// Whoever answers belongs to another cluster.
    #[error(
        "the brokers belong to cluster {answered}, not {pinned}: correct `bootstrap`, or set `cluster_id` (or restart Weir, \
         if it is not set) to move to the other cluster",
        answered = answered.0, pinned = pinned.0
    )]
    WrongCluster {
        /// The cluster that this upstream is.
        pinned: RealClusterId,
        /// The cluster that answered.
        answered: RealClusterId,
    },
}

/// Whose turn it is where Weir dials for itself: no principal has such a name.
const WEIR: &str = "";

impl Upstream {
    /// Starts to keep the cluster's view, by a task on the current runtime.
    pub fn start(settings: UpstreamSettings, wanted: watch::Receiver<Arc<WantedTopics>>) -> Arc<Upstream> {
        let shared = Arc::new(Shared::new(settings));
        let control = tokio::spawn(Control::new(Arc::clone(&shared), wanted).run()).abort_handle();
        Arc::new(Upstream { shared, control, subscriptions: Subscriptions::default() })
    }

    /// The newest view; `None` until the cluster was reached for the first time.
    #[must_use]
    pub fn view(&self) -> Option<Arc<ClusterView>> {
        self.shared.view.load_full()
    }

    /// The newest view, for the way of a request: it is borrowed, and nothing is written that another thread reads.
    #[must_use]
    pub fn borrow_view(&self) -> Guard<Option<Arc<ClusterView>>> {
        self.shared.view.load()
    }

    /// Follows the view.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<ClusterView>>> {
        self.shared.views.subscribe()
    }

    /// A broker's answer showed that the view is out of date: it is fetched soon, once for many calls.
    pub fn mark_suspect(&self) {
        self.shared.wake.notify_one();
    }

    /// A view that was asked for at `not_older_than` or later. The last good one when the brokers do not answer or
    /// `deadline` comes first; `None` when there never was one.
    pub async fn fresh_view(&self, not_older_than: Instant, deadline: Instant) -> Option<Arc<ClusterView>> {
        let mut rounds = self.shared.rounds.subscribe();
        while rounds.borrow_and_update().is_none_or(|began| began < not_older_than) {
            self.shared.wake.notify_one();
            let next = tokio::time::timeout_at(deadline.into(), rounds.changed()).await;
            if !matches!(next, Ok(Ok(()))) {
                break;
            }
        }
        self.view()
    }

    /// What members of the consumer protocol subscribe to here. It locks, for a moment, on the way of their heartbeats.
    #[must_use]
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Opens a TCP connection to the target's broker for Weir itself, on the current runtime. Where `Dialed::tls` is
    /// set who asked shakes hands.
    ///
    /// # Errors
    /// Where there is no connection in time, or there must be none; not a byte was written.
    pub async fn dial(&self, target: Target) -> Result<Dialed, DialError> {
        dial::dial(&self.shared, target, (Caller::Weir, WEIR), &[], dial::deadline_in(dial::OPEN)).await
    }

    /// Opens a connection to the target's broker for a principal, of this tier, TLS and login included, on the current runtime.
    /// Principals take turns to dial.
    ///
    /// # Errors
    /// Where there is no connection in time, or there must be none; not a byte of a request was written.
    pub(crate) async fn open(&self, target: Target, principal: &str, tier: &str) -> Result<Opened, DialError> {
        dial::open(&self.shared, target, Caller::Tier(tier), principal).await
    }

    /// The same for who asks one thing after another and waits for each answer.
    ///
    /// # Errors
    /// Where there is no connection in time, or there must be none; not a byte of a request was written.
    pub(crate) async fn exchange_with(
        &self,
        target: Target,
        caller: Caller<'_>,
    ) -> Result<ControlConnection, DialError> {
        let Opened { link, lease } = dial::open(&self.shared, target, caller, WEIR).await?;
        Ok(ControlConnection::new(link, &self.shared.settings.timeouts).leased(lease))
    }

    /// Shows the broker of an open connection anew who Weir is; nothing where the broker did not take it, or is gone. It must
    /// owe no answer.
    pub(crate) async fn renewed(&self, opened: Opened) -> Option<Opened> {
        opened.renewed(&self.shared.settings).await
    }

    /// Whether the principals of both tiers are the same to the brokers.
    pub(crate) fn share_identity(&self, one: &str, other: &str) -> bool {
        self.shared.settings.share_identity(one, other)
    }

    /// Whether the cluster can serve.
    #[must_use]
    pub fn readiness(&self) -> UpstreamReadiness {
        self.shared.readiness.borrow().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.control.abort();
    }
}

impl fmt::Debug for WantedTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WantedTopics").field("literals", &self.literals).field("pattern", &self.pattern).finish()
    }
}

/// What the tasks and the handle share.
#[derive(Debug)]
struct Shared {
    settings: Arc<UpstreamSettings>,
    view: ArcSwapOption<ClusterView>,
    views: watch::Sender<Option<Arc<ClusterView>>>,
    /// When the last finished round of questions began, whatever came of it.
    rounds: watch::Sender<Option<Instant>>,
    readiness: watch::Sender<UpstreamReadiness>,
    /// The topics that are compacted. Held while a view is made and published: each view has what is known by then.
    confirmed: Mutex<Confirmed>,
    /// Asks for another round.
    wake: Arc<Notify>,
    /// The brokers of the view.
    brokers: ArcSwap<BTreeMap<RealBrokerId, Arc<Broker>>>,
    /// Which broker the next bootstrap dial begins with.
    turn: AtomicUsize,
}

impl Shared {
    fn new(settings: UpstreamSettings) -> Self {
        let turn = usize::try_from(backoff::random() % 1024).unwrap_or(0);
        Self {
            settings: Arc::new(settings),
            view: ArcSwapOption::empty(),
            views: watch::Sender::new(None),
            rounds: watch::Sender::new(None),
            readiness: watch::Sender::new(UpstreamReadiness::NotReady(NotReady::NeverReached)),
            confirmed: Mutex::default(),
            wake: Arc::new(Notify::new()),
            brokers: ArcSwap::default(),
            turn: AtomicUsize::new(turn),
        }
    }

    /// Publishes the view that is made of the last one and of what is known to be compacted.
    fn publish(&self, next: impl FnOnce(Option<&ClusterView>, &Confirmed) -> ClusterView) {
        let confirmed = lock(&self.confirmed);
        let view = Arc::new(next(self.view.load_full().as_deref(), &confirmed));
        self.view.store(Some(Arc::clone(&view)));
        self.views.send_replace(Some(view));
    }

    /// Other topics are compacted from now on: the view, where there is one, says so.
    fn confirm(&self, confirmed: Confirmed) {
        let mut known = lock(&self.confirmed);
        *known = confirmed;
        let Some(last) = self.view.load_full() else { return };
        let view = Arc::new(metadata::confirmed_view(&last, &known));
        self.view.store(Some(Arc::clone(&view)));
        self.views.send_replace(Some(view));
    }
}
