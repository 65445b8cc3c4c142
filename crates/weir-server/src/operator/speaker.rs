//! Speaking to brokers in the place of one principal: what it asks is judged, renamed and sent like what its own
//! clients ask, with the certificate of its tier.
//!
//! Must never: have a way to a broker of its own. What `Session` does not clear is not sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::watch;
use weir_kafka::advertise::{AdvertisedNodes, Target};
use weir_kafka::asking::{DeleteGroups, DeletedGroup};
use weir_kafka::cluster::{ClusterView, RealBrokerId};
use weir_kafka::discovery::BadAnswer;
use weir_kafka::env::{Env, Owed, SessionLimits};
use weir_kafka::fault::Fault;
use weir_kafka::session::{Session, Turn};
use weir_policy::{Account, Ledger, Principal};

use crate::snapshot::Snapshot;
use crate::upstream::{
    Caller, ControlConnection, DialError, ExchangeError, NotReady, Upstream, UpstreamReadiness, UpstreamSettings,
    WantedTopics,
};

/// How long until a cluster has answered for the first time.
const FIRST_VIEW: Duration = Duration::from_secs(10);

/// Why a broker did not answer a principal.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The cluster cannot serve.
    #[error("{0}")]
    NotReady(#[from] NotReady),
    /// There is no connection.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The connection was lost, or the broker said nothing.
    #[error("{0}")]
    Exchange(#[from] ExchangeError),
    /// The brokers serve no version that Weir speaks.
    #[error("the brokers serve no {0} that Weir speaks")]
    NotServed(&'static str),
    /// An operator has suspended the API.
    #[error("{0} is suspended; end that with `weir resume api {0}`")]
    Suspended(&'static str),
    /// The judge, or what reads the broker's answer, does not let it pass.
    #[error("what was asked or answered does not pass: {0:?}")]
    Fault(Fault),
    /// The answer is of no use.
    #[error("{0}")]
    BadAnswer(#[from] BadAnswer),
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
}

/// One cluster, as one principal has it.
pub(super) struct Scene {
    pub(super) upstream: String,
    snapshot: Arc<Snapshot>,
    pub(super) principal: Arc<Principal>,
    nodes: AdvertisedNodes,
    pub(super) cluster: Arc<Upstream>,
    account: Arc<Account>,
    limits: SessionLimits,
}

impl Scene {
    /// Begins to look at the cluster, on the current runtime.
    pub(super) fn open(
        snapshot: &Arc<Snapshot>,
        principal: &Arc<Principal>,
        nodes: &AdvertisedNodes,
        settings: &UpstreamSettings,
    ) -> Self {
        // Of topics nothing is asked.
        let wanted = WantedTopics { literals: Vec::new(), keep: Box::new(|_| false), pattern: false };
        let cluster = Upstream::start(settings.clone(), watch::channel(Arc::new(wanted)).1);
        Self {
            upstream: settings.name.clone(),
            snapshot: Arc::clone(snapshot),
            principal: Arc::clone(principal),
            nodes: nodes.clone(),
            cluster,
            account: Ledger::default().account(&principal.name),
            limits: SessionLimits::default(),
        }
    }

    /// What is known of the cluster now.
    pub(super) async fn view(&self) -> Result<Arc<ClusterView>, AskError> {
        let now = Instant::now();
        let view = self.cluster.fresh_view(now, now.checked_add(FIRST_VIEW).unwrap_or(now)).await;
        match (view, self.cluster.readiness()) {
            (_, UpstreamReadiness::NotReady(reason)) => Err(reason.into()),
            (Some(view), UpstreamReadiness::Ready) => Ok(view),
            (None, UpstreamReadiness::Ready) => Err(AskError::TimedOut),
        }
    }

    fn env<'a>(&'a self, view: &'a ClusterView) -> Env<'a> {
        Env {
            policy: &self.snapshot.policy,
            policy_generation: self.snapshot.generation,
            principal: &self.principal,
            view: Some(view),
            nodes: &self.nodes,
            cluster_id: &self.snapshot.config.shown_cluster_id,
            subscriptions: self.cluster.subscriptions(),
            account: &self.account,
            owed: Owed::default(),
            limits: &self.limits,
            broker_connected: true,
            now: Instant::now(),
        }
    }
}

/// A connection to one broker, in the place of the principal.
pub(super) struct Speaker<'a> {
    scene: &'a Scene,
    view: Arc<ClusterView>,
    session: Session,
    connection: ControlConnection,
}

impl<'a> Speaker<'a> {
    /// Dials a broker with the certificate of the principal's tier.
    pub(super) async fn dial(
        scene: &'a Scene,
        view: &Arc<ClusterView>,
        broker: RealBrokerId,
    ) -> Result<Self, AskError> {
        let caller = Caller::Tier(&scene.principal.tier.name);
        let connection = scene.cluster.exchange_with(Target::Broker(broker), caller).await?;
        let session = Session::new(scene.principal.name.clone(), &scene.limits);
        Ok(Self { scene, view: Arc::clone(view), session, connection })
    }

    /// Has the broker delete groups, by the principal's names of them.
    pub(super) async fn delete_groups(self, groups: &[&str]) -> Result<Vec<DeletedGroup>, AskError> {
        let api = "DeleteGroups";
        let spoken = DeleteGroups::spoken(&self.view).ok_or(AskError::NotServed(api))?;
        let request = spoken.frame(groups).ok_or(AskError::NotServed(api))?;
        Ok(spoken.read(&self.ask(api, &request).await?)?)
    }

    /// Asks one thing, as a client would: gives the answer as the client would have it, without its length prefix.
    async fn ask(mut self, api: &'static str, request: &Bytes) -> Result<Bytes, AskError> {
        let fault = |fault| match fault {
            Fault::ApiSuspended => AskError::Suspended(api),
            fault => AskError::Fault(fault),
        };
        let (scene, view) = (self.scene, self.view);
        let mut given = Vec::new();
        match self.session.take_request(request, &scene.env(&view)).map_err(fault)? {
            Turn::Local => self.session.answer_head(&scene.env(&view), &mut given).map_err(fault)?,
            Turn::Forward(cleared) => {
                let (_, answer) = self.connection.pass(cleared).await?;
                let mut frame = with_length(&answer);
                let mut rest = &mut *frame;
                while !rest.is_empty() {
                    let took = self.session.feed_broker(rest, &scene.env(&view), &mut given).map_err(fault)?;
                    if took == 0 {
                        return Err(AskError::Fault(Fault::BrokerDesync));
                    }
                    rest = rest.get_mut(took..).unwrap_or_default();
                }
            }
        }
        let frame = Bytes::from(given);
        Ok(frame.slice(4.min(frame.len())..))
    }
}

/// The answer as it stood on the wire.
fn with_length(answer: &[u8]) -> BytesMut {
    let mut frame = BytesMut::with_capacity(answer.len().saturating_add(4));
    frame.put_i32(i32::try_from(answer.len()).unwrap_or(i32::MAX));
    frame.put_slice(answer);
    frame
}
