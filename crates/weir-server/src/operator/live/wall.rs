//! The second wall: what each identity of Weir's sees and can do at the brokers, asked as that identity.
//!
//! Nothing outside this directory names `weir_kafka::check` (W13). Must never: keep a name that was seen longer than its finding,
//! try anything that is not a `Trial`, or take silence for a refusal.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use weir_kafka::check::{EveryTopic, Everything, Nonce, Question, Trial, Verdict, read_transactions};
use weir_kafka::cleared::{Cleared, OwnRequest};
use weir_kafka::cluster::{RealAddress, RealBrokerId, VersionRange};
use weir_kafka::discovery;

use super::cluster::As;
use crate::tls::random_key;
use crate::upstream::{ControlConnection, ExchangeError, HostPort, Probe, UpstreamSettings};

/// As many brokers as are tried, one after the other, until each trial was decided.
const TRIED: usize = 4;
/// The newest form of ListGroups that is asked for.
const LIST_GROUPS: VersionRange = VersionRange { min: 0, max: 4 };

/// What one identity sees and can do.
pub(super) struct Sight {
    pub(super) who: As,
    pub(super) everything: Result<Everything, ExchangeError>,
    pub(super) trials: BTreeMap<Trial, Tried>,
    /// The brokers' names of the groups that it is shown.
    pub(super) groups: Vec<String>,
    /// Transactional ids.
    pub(super) transactions: Vec<String>,
    /// Brokers that did not say which groups, or which transactional ids, there are, and why.
    pub(super) unlisted: Vec<(RealBrokerId, String)>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Told(Verdict),
    /// The brokers serve no version in which it is harmless.
    NotServed,
    /// Nothing that can be read came back.
    Failed(String),
}

/// What the brokers listed.
#[derive(Default)]
struct Listed {
    groups: Vec<String>,
    transactions: Vec<String>,
}

impl Tried {
    pub(super) fn is_decided(&self) -> bool {
        matches!(self, Self::Told(Verdict::Refused | Verdict::Allowed | Verdict::NoAuthorizer))
    }
}

/// A word that nobody at the brokers has; nothing where the system gives no random numbers.
pub(super) fn nonce() -> Option<Nonce> {
    random_key().as_ref().map(Nonce::new)
}

/// Looks at a cluster as one identity.
pub(super) async fn look_as(
    who: As,
    settings: Arc<UpstreamSettings>,
    brokers: Arc<BTreeMap<RealBrokerId, RealAddress>>,
    nonce: Nonce,
) -> Sight {
    let (everything, listed) = tokio::join!(everything(&who, &settings, &brokers), lists(&who, &settings, &brokers));
    let controller = everything.as_ref().ok().map(|seen| seen.controller);
    let order = controller.into_iter().chain(brokers.keys().copied().filter(|id| Some(*id) != controller));
    let mut trials = BTreeMap::new();
    for address in order.filter_map(|id| brokers.get(&id)).take(TRIED) {
        if Trial::ALL.iter().all(|trial| trials.get(trial).is_some_and(Tried::is_decided)) {
            break;
        }
        try_at(&name(address), &settings, &who, &nonce, &mut trials).await;
    }
    let (listed, unlisted) = listed;
    Sight { who, everything, trials, groups: listed.groups, transactions: listed.transactions, unlisted }
}

/// Tries at one broker what is not decided yet.
async fn try_at(
    broker: &HostPort,
    settings: &UpstreamSettings,
    who: &As,
    nonce: &Nonce,
    trials: &mut BTreeMap<Trial, Tried>,
) {
    let mut open: Option<Probe> = None;
    for trial in Trial::ALL {
        if trials.get(&trial).is_some_and(Tried::is_decided) {
            continue;
        }
        let probe = match open.take() {
            Some(probe) => Ok(probe),
            None => Probe::of(broker, settings, who.caller()).await,
        };
        let Probe { connection, versions } = match probe {
            Ok(probe) => probe,
            Err(error) => {
                let failed = || Tried::Failed(error.to_string());
                for trial in Trial::ALL {
                    trials.entry(trial).or_insert_with(failed);
                }
                return;
            }
        };
        let Some(version) = trial.version(versions.get(&trial.key()).copied()) else {
            trials.entry(trial).or_insert(Tried::NotServed);
            open = Some(Probe { connection, versions });
            continue;
        };
        let request = trial.request(version, nonce, i32::from(trial.key()));
        match exchange(connection, request, i32::from(trial.key())).await {
            Ok((connection, answer)) => {
                open = Some(Probe { connection, versions });
                let told = trial.read(version, &answer);
                trials.insert(trial, told.map_or_else(|error| Tried::Failed(error.to_string()), Tried::Told));
            }
            Err(error) => {
                trials.insert(trial, Tried::Failed(error.to_string()));
                if matches!(error, ExchangeError::TimedOut) {
                    return;
                }
            }
        }
    }
}

/// Sends what `weir_kafka::check` made, and returns its answer.
pub(super) async fn exchange(
    connection: ControlConnection,
    request: Result<Cleared, weir_kafka::cleared::NotExpressible>,
    correlation_id: i32,
) -> Result<(ControlConnection, Bytes), ExchangeError> {
    let (connection, answer) = connection.pass(request?).await?;
    if discovery::correlation_id(&answer) != Some(correlation_id) {
        return Err(ExchangeError::Desync);
    }
    Ok((connection, answer))
}

/// Every topic, from the first broker that tells.
async fn everything(
    who: &As,
    settings: &UpstreamSettings,
    brokers: &BTreeMap<RealBrokerId, RealAddress>,
) -> Result<Everything, ExchangeError> {
    let mut last = ExchangeError::Unresolved;
    for address in brokers.values().take(TRIED) {
        match everything_at(&name(address), settings, who).await {
            Ok(everything) => return Ok(everything),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn everything_at(broker: &HostPort, settings: &UpstreamSettings, who: &As) -> Result<Everything, ExchangeError> {
    let probe = Probe::of(broker, settings, who.caller()).await?;
    let question = Question::Everything;
    if let Some(version) = version_of(question, &probe) {
        let request = question.request(version, 0);
        let (_, answer) = exchange(probe.connection, request, 0).await?;
        return Ok(Everything::read(version, &answer)?);
    }
    // Older brokers say which topics there are, and not what may be done with them.
    let version = probe.metadata_version(settings)?;
    let (_, answer) = probe.connection.ask(&OwnRequest::MetadataAll { version }).await?;
    let topics = discovery::read_topic_rights(version, &answer)?.into_keys();
    let topics = topics.map(|name| EveryTopic { name, is_internal: false, rights: None }).collect();
    Ok(Everything { controller: RealBrokerId(-1), topics, cluster: None })
}

/// The version to ask a broker in.
pub(super) fn version_of(question: Question, probe: &Probe) -> Option<i16> {
    Some(probe.versions.get(&question.key())?.intersect(question.versions())?.max)
}

/// What each broker coordinates that the identity is shown.
async fn lists(
    who: &As,
    settings: &Arc<UpstreamSettings>,
    brokers: &BTreeMap<RealBrokerId, RealAddress>,
) -> (Listed, Vec<(RealBrokerId, String)>) {
    let mut asking = JoinSet::new();
    for (id, address) in brokers {
        let (id, broker, settings, who) = (*id, name(address), Arc::clone(settings), who.clone());
        asking.spawn(async move { (id, lists_of(&broker, &settings, &who).await) });
    }
    let (mut all, mut unlisted) = (Listed::default(), Vec::new());
    for (id, listed) in asking.join_all().await {
        match listed {
            Ok(listed) => {
                all.groups.extend(listed.groups);
                all.transactions.extend(listed.transactions);
            }
            Err(error) => unlisted.push((id, error.to_string())),
        }
    }
    unlisted.sort_by_key(|(id, _)| *id);
    (all, unlisted)
}

async fn lists_of(broker: &HostPort, settings: &UpstreamSettings, who: &As) -> Result<Listed, ExchangeError> {
    let probe = Probe::of(broker, settings, who.caller()).await?;
    let transactions = version_of(Question::Transactions, &probe);
    let Probe { mut connection, versions } = probe;
    let mut listed = Listed::default();
    let range = versions.get(&weir_kafka::table::LIST_GROUPS).and_then(|range| range.intersect(LIST_GROUPS));
    if let Some(version) = range.map(|range| range.max) {
        let answer;
        (connection, answer) = connection.ask(&OwnRequest::ListGroups { version }).await?;
        let groups = discovery::read_listed_groups(version, &answer)?;
        listed.groups = groups.into_iter().map(|group| group.name).collect();
    }
    if let Some(version) = transactions {
        let request = Question::Transactions.request(version, 0);
        let (_, answer) = exchange(connection, request, 0).await?;
        listed.transactions = read_transactions(version, &answer)?;
    }
    Ok(listed)
}

pub(super) fn name(address: &RealAddress) -> HostPort {
    HostPort { host: address.host.clone(), port: address.port }
}

#[cfg(test)]
mod tests;
