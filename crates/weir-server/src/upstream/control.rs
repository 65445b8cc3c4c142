//! The task that keeps an upstream's view: asks, checks the cluster's id, publishes, waits, asks again.
//!
//! A *round* is one attempt to get Metadata, over the connection that worked last or else over every broker and bootstrap
//! address in turn. Must never: publish a view of another cluster, log a topic that the catalogue does not name, or stop.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{RealAddress, RealBrokerId, RealClusterId, RealTopic};
use weir_kafka::discovery::{self, BadAnswer, MetadataAnswer};

use super::backoff::Backoff;
use super::broker::{self, Broker, Health, watch_broker};
use super::exchange::{ControlConnection, ExchangeError};
use super::notice::Notices;
use super::resolve::Resolver;
use super::sasl::SaslError;
use super::settings::HostPort;
use super::versions::{API_VERSIONS_ASKED, METADATA_BY_NAME, Ranges, metadata_version, served_by_all};
use super::{NotReady, Shared, UpstreamReadiness, WantedTopics, metadata};

/// The state of the task.
pub(super) struct Control {
    shared: Arc<Shared>,
    wanted: watch::Receiver<Arc<WantedTopics>>,
    pinned: Option<RealClusterId>,
    /// The connection that worked last.
    source: Option<Source>,
    bootstrap: Vec<Resolver>,
    watchers: JoinSet<()>,
    watched: BTreeMap<RealBrokerId, AbortHandle>,
    backoff: Backoff,
    notices: Notices,
    /// Why a broker did not let Weir in, in this round.
    not_let_in: Option<SaslError>,
}

/// A connection that Metadata can be asked over.
struct Source {
    name: HostPort,
    connection: ControlConnection,
    versions: Ranges,
}

/// What a round came to.
enum Round {
    Answered(MetadataAnswer, Ranges),
    Failed(NotReady),
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>, wanted: watch::Receiver<Arc<WantedTopics>>) -> Self {
        let settings = &shared.settings;
        Self {
            wanted,
            pinned: settings.cluster_id.clone().map(RealClusterId),
            source: None,
            bootstrap: settings.bootstrap.iter().cloned().map(Resolver::new).collect(),
            watchers: JoinSet::new(),
            watched: BTreeMap::new(),
            backoff: Backoff::new(),
            notices: Notices::new(settings.name.clone()),
            not_let_in: None,
            shared,
        }
    }

    /// Runs until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            let began = Instant::now();
            let answered = match self.round().await {
                Round::Answered(answer, versions) => {
                    self.take_in(answer, versions, began).await;
                    true
                }
                Round::Failed(reason) => {
                    self.set_readiness(UpstreamReadiness::NotReady(reason));
                    false
                }
            };
            self.shared.rounds.send_replace(Some(began));
            self.wait(began, answered).await;
        }
    }

    /// Waits until the next round is due: by the clock, because someone asked, or because other topics are wanted.
    async fn wait(&mut self, began: Instant, answered: bool) {
        let timeouts = &self.shared.settings.timeouts;
        let (gap, period) = if answered {
            self.backoff.reset();
            (timeouts.refresh_gap, timeouts.refresh)
        } else {
            let pause = self.backoff.next().max(timeouts.refresh_gap);
            (pause, pause)
        };
        tokio::time::sleep_until(in_time(began, gap)).await;
        let wake = Arc::clone(&self.shared.wake);
        tokio::select! {
            () = tokio::time::sleep_until(in_time(began, period)) => {}
            () = wake.notified() => {}
            // Without a sender there will be no other topics, and the rest goes on.
            Ok(()) = self.wanted.changed() => {}
        }
    }

    async fn round(&mut self) -> Round {
        let mut wrong = None;
        self.not_let_in = None;
        if let Some(source) = self.source.take()
            && let Some(round) = self.ask_source(source, &mut wrong).await
        {
            return round;
        }
        for broker in self.brokers_to_ask() {
            let opened =
                broker::open(broker.state().address.as_slice(), &broker.host_port(), &self.shared.settings).await;
            if let Some(round) = self.ask_opened(broker.host_port(), opened, &mut wrong).await {
                return round;
            }
        }
        for index in 0..self.bootstrap.len() {
            let Some(resolver) = self.bootstrap.get_mut(index) else { break };
            let name = resolver.name().clone();
            let addresses = resolver.lookup(self.shared.settings.timeouts.connect).await;
            let opened = broker::open(addresses, &name, &self.shared.settings).await;
            if let Some(round) = self.ask_opened(name, opened, &mut wrong).await {
                return round;
            }
        }
        Round::Failed(self.why_not_ready(wrong))
    }

    fn why_not_ready(&self, wrong: Option<RealClusterId>) -> NotReady {
        match (wrong, &self.pinned, &self.not_let_in) {
            (Some(answered), Some(pinned), _) => NotReady::WrongCluster { pinned: pinned.clone(), answered },
            (_, _, Some(error)) => NotReady::NotLetIn(error.clone()),
            _ if self.shared.view.load().is_some() => NotReady::NoBrokerReachable,
            _ => NotReady::NeverReached,
        }
    }

    /// The brokers of the view, in another order each time; those that answer go first.
    fn brokers_to_ask(&self) -> Vec<Arc<Broker>> {
        let mut brokers: Vec<_> = self.shared.brokers.load().values().cloned().collect();
        brokers.sort_by_cached_key(|broker| (broker.state().health != Health::Up, super::backoff::random()));
        brokers
    }

    async fn ask_opened(
        &mut self,
        name: HostPort,
        opened: Result<(ControlConnection, SocketAddr), ExchangeError>,
        wrong: &mut Option<RealClusterId>,
    ) -> Option<Round> {
        let described = match opened {
            Ok((connection, _)) => ask_versions(connection).await,
            Err(error) => Err(error),
        };
        match described {
            Ok((connection, versions)) => self.ask_source(Source { name, connection, versions }, wrong).await,
            Err(error) => self.no_metadata(&name, error),
        }
    }

    /// Asks for Metadata. The connection is kept if the answer is good and of the pinned cluster.
    async fn ask_source(&mut self, source: Source, wrong: &mut Option<RealClusterId>) -> Option<Round> {
        let Source { name, connection, versions } = source;
        let wanted = Arc::clone(&self.wanted.borrow_and_update());
        let (connection, answer) = match self.ask_metadata(connection, &versions, &wanted).await {
            Ok(answered) => answered,
            Err(error) => return self.no_metadata(&name, error),
        };
        let pinned = self.pin(&answer.cluster_id);
        if answer.cluster_id != pinned {
            self.notices.wrong_cluster(&name, &pinned, &answer.cluster_id);
            *wrong = Some(answer.cluster_id);
            return None;
        }
        self.notices.answered(&name, &answer);
        self.source = Some(Source { name, connection, versions: versions.clone() });
        Some(Round::Answered(answer, versions))
    }

    fn no_metadata(&mut self, name: &HostPort, error: ExchangeError) -> Option<Round> {
        self.notices.failed(name, &error);
        if let ExchangeError::Sasl(error) = error {
            self.not_let_in = Some(error);
        }
        None
    }

    async fn ask_metadata(
        &self,
        connection: ControlConnection,
        versions: &Ranges,
        wanted: &WantedTopics,
    ) -> Result<(ControlConnection, MetadataAnswer), ExchangeError> {
        let version = metadata_version(versions, &self.shared.settings.max_versions).ok_or(ExchangeError::TooOld)?;
        // An old broker would create what it is asked for by name, and creates nothing when it is asked for all.
        let request = if wanted.pattern || version < METADATA_BY_NAME {
            OwnRequest::MetadataAll { version }
        } else {
            let topics: BTreeSet<&String> = wanted.literals.iter().collect();
            OwnRequest::MetadataByName { version, topics: topics.into_iter().cloned().map(RealTopic).collect() }
        };
        let (connection, answer) = connection.ask(&request).await?;
        Ok((connection, read_wanted(version, &answer, wanted)?))
    }

    /// The id that the cluster must have: configured, or that of the first answer.
    fn pin(&mut self, answered: &RealClusterId) -> RealClusterId {
        self.pinned.get_or_insert_with(|| answered.clone()).clone()
    }

    async fn take_in(&mut self, answer: MetadataAnswer, versions: Ranges, began: Instant) {
        self.follow_brokers(&answer.brokers, &answer.cluster_id);
        if self.shared.view.load().is_none() {
            self.wait_for_brokers().await;
        }
        let states: Vec<_> = self.shared.brokers.load().values().map(|broker| broker.state()).collect();
        let of_brokers =
            states.iter().filter(|state| state.foreign.is_none()).filter_map(|state| state.versions.as_deref());
        let versions = served_by_all(of_brokers.chain([&versions]), &self.shared.settings.max_versions);
        let racks = &self.shared.settings.racks;
        self.shared
            .publish(|previous, confirmed| metadata::next_view(previous, answer, versions, (racks, confirmed), began));
        self.set_readiness(UpstreamReadiness::Ready);
    }

    /// Starts to watch brokers that are listed now, and stops with those that are not, or moved.
    fn follow_brokers(&mut self, listed: &BTreeMap<RealBrokerId, RealAddress>, cluster: &RealClusterId) {
        let before = self.shared.brokers.load_full();
        let unmoved = before.iter().map(|(id, broker)| (id, &broker.address));
        if unmoved.eq(listed) {
            return;
        }
        let mut brokers = BTreeMap::new();
        for (id, address) in listed {
            if let Some(known) = before.get(id).filter(|known| known.address == *address) {
                brokers.insert(*id, Arc::clone(known));
                continue;
            }
            let settings = Arc::clone(&self.shared.settings);
            let broker = Arc::new(Broker::new(*id, address.clone(), cluster.clone(), settings.dials_per_second));
            let watcher = watch_broker(Arc::clone(&broker), settings, Arc::clone(&self.shared.wake));
            if let Some(moved) = self.watched.insert(*id, self.watchers.spawn(watcher)) {
                moved.abort();
            }
            brokers.insert(*id, broker);
        }
        self.watched.retain(|id, watcher| {
            let is_listed = listed.contains_key(id);
            if !is_listed {
                watcher.abort();
            }
            is_listed
        });
        self.shared.brokers.store(Arc::new(brokers));
        while self.watchers.try_join_next().is_some() {}
    }

    /// Before the first view: gives each broker the time to say what it serves, so that no version is offered that one of
    /// them lacks.
    async fn wait_for_brokers(&self) {
        let timeouts = &self.shared.settings.timeouts;
        let patience = in_time(Instant::now(), timeouts.connect.saturating_add(timeouts.silence));
        for broker in self.shared.brokers.load_full().values() {
            let mut states = broker.subscribe();
            let asked = states.wait_for(|state| state.health != Health::Unknown);
            // Who says nothing in time is counted in later.
            let _ = tokio::time::timeout_at(patience, asked).await;
        }
    }

    fn set_readiness(&mut self, state: UpstreamReadiness) {
        let view = self.shared.view.load();
        let (brokers, topics) = view.as_ref().map_or((0, 0), |view| (view.brokers.len(), view.topics.len()));
        self.notices.state(&state, brokers, topics);
        self.shared.readiness.send_if_modified(|now| std::mem::replace(now, state.clone()) != state);
    }
}

async fn ask_versions(connection: ControlConnection) -> Result<(ControlConnection, Ranges), ExchangeError> {
    let (connection, answer) = connection.ask(&OwnRequest::ApiVersions { version: API_VERSIONS_ASKED }).await?;
    Ok((connection, discovery::read_api_versions(API_VERSIONS_ASKED, &answer)?))
}

/// The one place that may see the names of all topics: what is not wanted is dropped here, as it is read.
fn read_wanted(version: i16, answer: &Bytes, wanted: &WantedTopics) -> Result<MetadataAnswer, BadAnswer> {
    let literals: HashSet<&str> = wanted.literals.iter().map(String::as_str).collect();
    let keeps = |topic: &str| literals.contains(topic) || (wanted.pattern && (wanted.keep)(topic));
    discovery::read_metadata(version, answer, &keeps)
}

fn in_time(from: Instant, time: Duration) -> tokio::time::Instant {
    from.checked_add(time).unwrap_or(from).into()
}
