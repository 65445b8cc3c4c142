//! The groups of one principal at the brokers: which there are, and that those without members go.
//!
//! Must never: delete what has members (Kafka itself refuses that), or take for all groups what some of the brokers
//! said.

mod listing;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::timeout;
use weir_kafka::cluster::RealBrokerId;

use super::OperatorError;
use super::speaker::{AskError, Scene, Speaker};
use crate::snapshot::Snapshot;
use listing::of_broker;

/// How long one broker may take with all that is asked of it.
const ONE_BROKER: Duration = Duration::from_secs(20);
/// Groups that are named in one request.
const AT_ONCE: usize = 50;

/// A group of the principal's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The cluster that it is in.
    pub upstream: String,
    /// The principal's name of it.
    pub name: String,
    /// Its state as the brokers name it (`Stable`, `Empty`...); nothing where they did not tell.
    pub state: Option<String>,
    /// `classic`, `consumer` or what else the brokers have.
    pub protocol: String,
    /// How many members it has; nothing where the brokers did not tell.
    pub members: Option<usize>,
    /// For how many partitions it has a committed offset; nothing where the brokers did not tell.
    pub partitions: Option<usize>,
    /// The broker that coordinates it.
    broker: RealBrokerId,
}

impl Group {
    /// Whether the brokers say that it has no members: then it may go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members == Some(0)
    }
}

/// What the brokers said.
#[derive(Debug, Default)]
pub struct Groups {
    /// The groups, by cluster and name.
    pub all: Vec<Group>,
    /// What was not told, and why: with anything here, there may be more groups.
    pub untold: Vec<Untold>,
}

/// A broker, or a whole cluster, that did not say all.
#[derive(Debug)]
pub struct Untold {
    /// The cluster.
    pub upstream: String,
    /// The broker; nothing where none of them could be asked.
    pub broker: Option<i32>,
    /// Why.
    pub why: AskError,
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { upstream, broker, why } = self;
        match broker {
            Some(broker) => write!(f, "upstream {upstream}, broker {broker}: {why}"),
            None => write!(f, "upstream {upstream}: {why}"),
        }
    }
}

/// Why a group was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum NotDeleted {
    /// No broker has it.
    #[error("there is no such group")]
    NotThere,
    /// It has members: Kafka's NON_EMPTY_GROUP.
    #[error("it has members")]
    HasMembers,
    /// It has another coordinator by now, or that one is loading.
    #[error("its coordinator is moving or loading; try again in a moment")]
    Moving,
    /// The brokers do not let Weir.
    #[error("the brokers do not let Weir: its certificate for this principal needs Delete on the group")]
    NotAuthorized,
    /// Another code of Kafka's.
    #[error("the broker answered with error code {0}")]
    Code(i16),
    /// The answer does not name it.
    #[error("the broker did not say what became of it")]
    Unanswered,
    /// The broker could not be asked, or did not answer: nobody knows whether it is there.
    #[error("{0}")]
    Ask(#[from] Arc<AskError>),
}

/// A group, and whether it was deleted.
pub type Fate<'a> = (&'a Group, Result<(), NotDeleted>);

/// Asks the clusters behind the listeners in the place of one principal. It waits by itself: no runtime is needed.
pub struct GroupDesk {
    runtime: Runtime,
    scenes: Vec<Arc<Scene>>,
}

impl GroupDesk {
    /// Begins to look at the cluster of this name, or at every one with a listener before it.
    ///
    /// # Errors
    /// There is no such cluster or principal.
    pub fn open(snapshot: Snapshot, principal: &str, upstream: Option<&str>) -> Result<Self, OperatorError> {
        let snapshot = Arc::new(snapshot);
        let known = snapshot.policy.principal(principal);
        let principal = known.ok_or_else(|| OperatorError::NoSuchPrincipal(principal.to_owned()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut scenes: Vec<Arc<Scene>> = Vec::new();
        {
            let _on = runtime.enter();
            for listener in &snapshot.config.listeners {
                let wanted = upstream.is_none_or(|name| listener.upstream == name);
                let known = scenes.iter().any(|scene| scene.upstream == listener.upstream);
                let settings = snapshot.upstreams.get(&listener.upstream).filter(|_| wanted && !known);
                let scene = settings.map(|settings| Scene::open(&snapshot, &principal, &listener.advertise, settings));
                scenes.extend(scene.map(Arc::new));
            }
        }
        if let Some(asked) = upstream.filter(|_| scenes.is_empty()) {
            let mut known: Vec<_> = snapshot.config.listeners.iter().map(|one| one.upstream.as_str()).collect();
            known.dedup();
            return Err(OperatorError::NoSuchUpstream { asked: asked.to_owned(), known: known.join(", ") });
        }
        Ok(Self { runtime, scenes })
    }

    /// The clusters that are asked.
    pub fn upstreams(&self) -> impl Iterator<Item = &str> {
        self.scenes.iter().map(|scene| scene.upstream.as_str())
    }

    /// The principal's groups.
    #[must_use]
    pub fn list(&self) -> Groups {
        self.runtime.block_on(async {
            let mut groups = Groups::default();
            for scene in &self.scenes {
                list(scene, &mut groups).await;
            }
            groups.all.sort_by(|one, other| (&one.upstream, &one.name).cmp(&(&other.upstream, &other.name)));
            groups
        })
    }

    /// Has the brokers delete groups of that list, where they find them empty, and says what became of each.
    #[must_use]
    pub fn delete<'a>(&self, groups: &[&'a Group]) -> Vec<Fate<'a>> {
        self.runtime.block_on(async {
            let mut done = Vec::new();
            for scene in &self.scenes {
                let mut by_broker: HashMap<RealBrokerId, Vec<&'a Group>> = HashMap::new();
                for group in groups.iter().filter(|group| group.upstream == scene.upstream) {
                    by_broker.entry(group.broker).or_default().push(group);
                }
                for (broker, groups) in by_broker {
                    let deleted = timeout(ONE_BROKER, delete(scene, broker, &groups)).await;
                    done.extend(deleted.unwrap_or_else(|_| all_failed(&groups, AskError::TimedOut)));
                }
            }
            done.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
            done
        })
    }
}

async fn list(scene: &Arc<Scene>, groups: &mut Groups) {
    let untold = |broker, why| Untold { upstream: scene.upstream.clone(), broker, why };
    let view = match scene.view().await {
        Ok(view) => view,
        Err(why) => return groups.untold.push(untold(None, why)),
    };
    let mut asking = JoinSet::new();
    for broker in view.brokers.keys().copied() {
        let (scene, view) = (Arc::clone(scene), Arc::clone(&view));
        asking.spawn(async move {
            let told = timeout(ONE_BROKER, of_broker(&scene, &view, broker)).await;
            (broker, told.unwrap_or(Err(AskError::TimedOut)))
        });
    }
    while let Some(Ok((broker, told))) = asking.join_next().await {
        match told {
            Ok(told) => groups.all.extend(told),
            Err(why) => groups.untold.push(untold(Some(broker.0), why)),
        }
    }
}

async fn delete<'a>(scene: &Arc<Scene>, broker: RealBrokerId, groups: &[&'a Group]) -> Vec<Fate<'a>> {
    let mut done = Vec::new();
    for groups in groups.chunks(AT_ONCE) {
        match delete_at_once(scene, broker, groups).await {
            Ok(deleted) => done.extend(deleted),
            Err(error) => done.extend(all_failed(groups, error)),
        }
    }
    done
}

async fn delete_at_once<'a>(
    scene: &Arc<Scene>,
    broker: RealBrokerId,
    groups: &[&'a Group],
) -> Result<Vec<Fate<'a>>, AskError> {
    let view = scene.view().await?;
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let answered = Speaker::dial(scene, &view, broker).await?.delete_groups(&names).await?.into_iter();
    let mut answered: HashMap<String, Result<(), i16>> = answered.map(|group| (group.name, group.became)).collect();
    let became = |group: &&'a Group| match answered.remove(&group.name) {
        Some(became) => (*group, became.map_err(why_not)),
        None => (*group, Err(NotDeleted::Unanswered)),
    };
    Ok(groups.iter().map(became).collect())
}

fn all_failed<'a>(groups: &[&'a Group], error: AskError) -> Vec<Fate<'a>> {
    let error = Arc::new(error);
    groups.iter().map(|group| (*group, Err(NotDeleted::Ask(Arc::clone(&error))))).collect()
}

/// Kafka's codes for a group that is not deleted.
fn why_not(code: i16) -> NotDeleted {
    match code {
        14..=16 => NotDeleted::Moving,
        30 => NotDeleted::NotAuthorized,
        68 => NotDeleted::HasMembers,
        69 => NotDeleted::NotThere,
        code => NotDeleted::Code(code),
    }
}

#[cfg(test)]
mod tests {
    use weir_kafka::discovery::{CLASSIC, Said};

    use super::listing::known;
    use super::*;

    #[test]
    fn only_what_is_known_to_be_empty_counts_as_empty() {
        let group = |members| Group {
            upstream: String::new(),
            name: String::new(),
            state: Some("Empty".to_owned()),
            protocol: CLASSIC.to_owned(),
            members,
            partitions: None,
            broker: RealBrokerId(1),
        };
        assert_eq!([Some(0), Some(1), None].map(|members| group(members).is_empty()), [true, false, false]);
        assert_eq!(known(("a".to_owned(), Said::Known(vec![1, 2]))), Some(("a".to_owned(), 2)));
        for said in [Said::NoSuchGroup, Said::Failed(16)] {
            assert_eq!(known::<u8>(("a".to_owned(), said)), None);
        }
    }
}
