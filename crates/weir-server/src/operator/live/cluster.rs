//! The way through one cluster: its bootstrap addresses, then every broker that it lists, then its topics and groups,
//! each with every certificate that Weir shows there.
//!
//! Must never: let one broker that does not answer keep the others from being looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{RealBrokerId, RealTopic, VersionRange};
use weir_kafka::discovery::{self, MetadataAnswer, RightsByName};
use weir_kafka::table;
use weir_policy::{GroupMode, Policy};

use super::hidden::plain;
use super::{Administrator, Report, Seen, Severity, administrator, judge, wall, words};
use crate::config::Mirror;
use crate::snapshot::Snapshot;
use crate::upstream::{Caller, ExchangeError, HostPort, METADATA_BY_NAME, Probe, Ranges, UpstreamSettings};

/// Topics whose settings are asked for at once.
const AT_ONCE: usize = 500;
/// Namespaces whose groups are tried, where each has a prefix of its own at the brokers.
const NAMESPACES: usize = 50;
/// The versions of Metadata and of DescribeGroups that tell what may be done.
const TOPIC_RIGHTS: VersionRange = VersionRange { min: 8, max: 12 };
const GROUP_RIGHTS: VersionRange = VersionRange { min: 3, max: 5 };
const CONFIGS: VersionRange = VersionRange { min: 1, max: 4 };

/// A look at one cluster.
pub(super) struct Look<'a> {
    snapshot: &'a Snapshot,
    settings: Arc<UpstreamSettings>,
    topics: Arc<Vec<RealTopic>>,
    groups: Arc<Vec<String>>,
    administrator: Option<&'a Administrator>,
}

/// As whom a broker is asked, on a task of its own.
#[derive(Clone)]
pub(super) enum As {
    Weir,
    Tier(String),
}

impl As {
    pub(super) fn caller(&self) -> Caller<'_> {
        match self {
            Self::Weir => Caller::Weir,
            Self::Tier(tier) => Caller::Tier(tier),
        }
    }

    /// Whose rights these are, for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Weir => "Weir".to_owned(),
            Self::Tier(tier) => format!("Weir as tier `{tier}`"),
        }
    }
}

/// What a broker said of the cluster.
struct Described {
    answer: MetadataAnswer,
    rights: RightsByName,
}

/// What one broker said.
struct Told {
    versions: Ranges,
    cluster_id: String,
    groups: RightsByName,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        settings: &UpstreamSettings,
        administrator: Option<&'a Administrator>,
    ) -> Self {
        let topics = snapshot.policy.catalogue_literals().map(|topic| RealTopic(topic.to_owned()));
        let groups = groups_to_try(&snapshot.policy, snapshot.config.groups);
        Self {
            snapshot,
            settings: Arc::new(settings.clone()),
            topics: Arc::new(topics.collect()),
            groups: Arc::new(groups),
            administrator,
        }
    }

    pub(super) async fn run(&self, report: &mut Report) {
        let Some(described) = self.bootstrap(report).await else { return };
        let name = &self.settings.name;
        for id in &described.answer.unusable_brokers {
            let what = format!("broker {id} advertises no host or port that can be dialled");
            report.add(Severity::Error, name, what, "correct its `advertised.listeners`");
        }
        judge::broker_ids(self.snapshot, name, &described.answer.brokers, report);
        let told = self.brokers(&As::Weir, &described, report).await;
        let exist = described.rights.values().filter(|rights| rights.is_ok()).count();
        report.seen.push(Seen {
            upstream: name.clone(),
            cluster_id: plain(&described.answer.cluster_id.0),
            brokers: (told.len(), described.answer.brokers.len()),
            topics: (exist, self.topics.len()),
        });
        judge::versions(&told.iter().map(|(id, told)| (id.0, &told.versions)).collect(), &self.settings, report);
        judge::topics_exist(name, self.mirror().is_some(), &described.rights, report);
        let Some(first) = told.keys().next().and_then(|id| described.answer.brokers.get(id)) else { return };
        let first = HostPort { host: first.host.clone(), port: first.port };
        self.cleanup_policies(&first, &described.rights, report).await;
        let groups = judge::together(told.into_values().map(|told| told.groups));
        judge::own_groups(name, &groups, report);
        let of_tiers = self.rights_of_clients(&first, &described, &groups, report).await;
        self.second_wall(&described, &[vec![groups], of_tiers].concat(), report).await;
        if let Some(administrator) = self.administrator {
            administrator::look(administrator, self.snapshot, &self.settings.name, &described.answer, report).await;
        }
    }

    /// The tiers that have an identity of their own at the brokers.
    fn tiers_apart(&self) -> BTreeSet<String> {
        self.settings.tiers_apart().map(str::to_owned).collect()
    }

    /// What fills this cluster, where that is said.
    fn mirror(&self) -> Option<&'a Mirror> {
        self.snapshot.config.upstreams.get(&self.settings.name)?.mirror.as_ref()
    }

    /// What each identity sees and can do beyond what it should. `rights` are those on groups: Weir's, and each tier's
    /// that is apart.
    async fn second_wall(&self, described: &Described, rights: &[RightsByName], report: &mut Report) {
        let brokers = Arc::new(described.answer.brokers.clone());
        let Some(nonce) = wall::nonce() else {
            let fix = "look at this system's source of random numbers";
            return report.add(
                Severity::Error,
                &self.settings.name,
                "nothing was tried: there is no random number",
                fix,
            );
        };
        let identities = std::iter::once(As::Weir).chain(self.tiers_apart().into_iter().map(As::Tier));
        let mut looking = JoinSet::new();
        for (index, who) in identities.enumerate() {
            let look = wall::look_as(who, Arc::clone(&self.settings), Arc::clone(&brokers), nonce.clone());
            looking.spawn(async move { (index, look.await) });
        }
        let mut sights = looking.join_all().await;
        sights.sort_by_key(|(index, _)| *index);
        let policy = &*self.snapshot.policy;
        let namespaces = policy.principals().map(|principal| &principal.namespace);
        let groups: Vec<String> = self.snapshot.config.groups.prefixes(namespaces).into_iter().collect();
        let upstream = &self.settings.name;
        let of_mirror = self.mirror().map(Mirror::own_topics).unwrap_or_default();
        let expected = judge::Expected { upstream, policy, groups: &groups, of_mirror: &of_mirror };
        for ((_, sight), rights) in sights.iter().zip(rights) {
            judge::sight(&expected, sight, rights, report);
        }
    }

    /// What the first bootstrap address says whose cluster is the right one.
    async fn bootstrap(&self, report: &mut Report) -> Option<Described> {
        let mut asking = JoinSet::new();
        for (index, name) in self.settings.bootstrap.iter().cloned().enumerate() {
            let (settings, topics) = (Arc::clone(&self.settings), Arc::clone(&self.topics));
            asking.spawn(async move {
                let described = describe(&name, &settings, &As::Weir, &topics).await;
                (index, name, described)
            });
        }
        let mut said = asking.join_all().await;
        said.sort_by_key(|(index, ..)| *index);
        let mut found: Option<Described> = None;
        let mut failed = Vec::new();
        for (_, name, described) in said {
            let described = match described {
                Ok(described) => described,
                Err(error) => {
                    failed.push((name, error));
                    continue;
                }
            };
            let first = found.as_ref().map(|found| found.answer.cluster_id.0.clone());
            let wanted = self.settings.cluster_id.clone().or(first);
            let answered = &described.answer.cluster_id.0;
            if let Some(wanted) = wanted.filter(|wanted| wanted != answered) {
                let what = format!("{name} belongs to cluster {answered}, not {wanted}");
                report.add(Severity::Error, &self.settings.name, what, "correct `bootstrap` or `cluster_id`");
            } else if found.is_none() {
                found = Some(described);
            }
        }
        // With another one that answers, Weir starts all the same.
        let severity = if found.is_some() { Severity::Warning } else { Severity::Error };
        for (name, error) in failed {
            let (what, fix) = words::unusable(&name, &error);
            report.add(severity, &self.settings.name, what, fix);
        }
        found
    }

    /// What each broker says that the cluster lists; one that says nothing is a finding.
    async fn brokers(&self, who: &As, described: &Described, report: &mut Report) -> BTreeMap<RealBrokerId, Told> {
        let mut asking = JoinSet::new();
        for (id, address) in described.answer.brokers.clone() {
            let name = HostPort { host: address.host, port: address.port };
            let (settings, groups, who) = (Arc::clone(&self.settings), Arc::clone(&self.groups), who.clone());
            asking.spawn(async move {
                let told = tell(&name, &settings, &who, &groups).await;
                (id, name, told)
            });
        }
        let mut said = asking.join_all().await;
        said.sort_by_key(|(id, ..)| *id);
        let mut told = BTreeMap::new();
        for (id, name, answered) in said {
            match answered {
                Ok(answered) if answered.cluster_id != described.answer.cluster_id.0 => {
                    let other = answered.cluster_id;
                    let what = format!("broker {} at {name} belongs to cluster {other}", id.0);
                    report.add(Severity::Error, &self.settings.name, what, "correct its `advertised.listeners`");
                }
                Ok(answered) => drop(told.insert(id, answered)),
                Err(error) => {
                    let (what, fix) = words::unusable(&name, &error);
                    let asked = match who {
                        As::Weir => String::new(),
                        As::Tier(_) => format!(", asked by {}", who.words()),
                    };
                    let what = format!("broker {}{asked}: {what}", id.0);
                    report.add(Severity::Error, &self.settings.name, what, fix);
                }
            }
        }
        told
    }

    async fn cleanup_policies(&self, broker: &HostPort, rights: &RightsByName, report: &mut Report) {
        let there: Vec<RealTopic> =
            rights.iter().filter(|(_, rights)| rights.is_ok()).map(|(topic, _)| RealTopic(topic.clone())).collect();
        match self.ask_cleanup_policies(broker, &there).await {
            Ok(found) => judge::cleanup_policies(&self.snapshot.policy, &self.settings.name, &found, report),
            Err(error) => {
                let (what, fix) = words::unusable(broker, &error);
                let what = format!("cleanup policies were not looked at: {what}");
                report.add(Severity::Warning, &self.settings.name, what, fix);
            }
        }
    }

    async fn ask_cleanup_policies(
        &self,
        broker: &HostPort,
        topics: &[RealTopic],
    ) -> Result<BTreeMap<String, Result<String, i16>>, ExchangeError> {
        let mut found = BTreeMap::new();
        let Probe { mut connection, versions } = Probe::of(broker, &self.settings, Caller::Weir).await?;
        let range = versions.get(&table::DESCRIBE_CONFIGS).and_then(|range| range.intersect(CONFIGS));
        let Some(version) = range.map(|range| range.max) else { return Ok(found) };
        for topics in topics.chunks(AT_ONCE) {
            let answer;
            let asked = OwnRequest::CleanupPolicies { version, topics: topics.to_vec() };
            (connection, answer) = connection.ask(&asked).await?;
            found.extend(discovery::read_cleanup_policies(version, &answer)?);
        }
        Ok(found)
    }

    /// Whether what clients ask may be done with the certificate that it comes with. What the tiers that are apart may
    /// do with groups comes back, in their order.
    async fn rights_of_clients(
        &self,
        first: &HostPort,
        described: &Described,
        own_groups: &RightsByName,
        report: &mut Report,
    ) -> Vec<RightsByName> {
        let name = &self.settings.name;
        let tiers_apart = self.tiers_apart();
        if self.snapshot.policy.tiers().any(|tier| !tiers_apart.contains(&tier.name)) {
            judge::topics_of_clients(name, &As::Weir, &described.rights, report);
            judge::groups_of_clients(name, &As::Weir, own_groups, report);
        }
        let mut of_tiers = Vec::new();
        for tier in tiers_apart {
            let who = As::Tier(tier);
            let told = self.brokers(&who, described, report).await;
            let groups = judge::together(told.into_values().map(|told| told.groups));
            judge::groups_of_clients(name, &who, &groups, report);
            if let Ok(described) = describe(first, &self.settings, &who, &self.topics).await {
                judge::topics_of_clients(name, &who, &described.rights, report);
            }
            of_tiers.push(groups);
        }
        of_tiers
    }
}

/// The brokers' names of groups that no client makes, one for each prefix that principals have at the brokers.
fn groups_to_try(policy: &Policy, mode: GroupMode) -> Vec<String> {
    match mode {
        GroupMode::Namespaced => vec!["weir.check-live.none".to_owned()],
        GroupMode::ExplicitPrefix => {
            let mut names: Vec<_> = policy.principals().map(|one| format!("{}.check-live", one.namespace)).collect();
            names.sort_unstable();
            names.truncate(NAMESPACES);
            names
        }
    }
}

/// Asks for the cluster, and for topics of it by name.
async fn describe(
    name: &HostPort,
    settings: &UpstreamSettings,
    who: &As,
    topics: &[RealTopic],
) -> Result<Described, ExchangeError> {
    let probe = Probe::of(name, settings, who.caller()).await?;
    let version = probe.metadata_version(settings)?;
    let topics_asked = topics.to_vec();
    let asked = match version {
        version if TOPIC_RIGHTS.holds(version) => OwnRequest::TopicRights { version, topics: topics_asked },
        version if version >= METADATA_BY_NAME => OwnRequest::MetadataByName { version, topics: topics_asked },
        // It would make what it is asked for by name.
        version => OwnRequest::MetadataAll { version },
    };
    let (_, answer) = probe.connection.ask(&asked).await?;
    let mut rights = discovery::read_topic_rights(version, &answer)?;
    rights.retain(|topic, _| topics.iter().any(|wanted| wanted.0 == *topic));
    let answer = discovery::read_metadata(version, &answer, &|topic| topics.iter().any(|wanted| wanted.0 == topic))?;
    Ok(Described { answer, rights })
}

/// Asks one broker what it serves, whose it is, and what may be done with groups there.
async fn tell(
    name: &HostPort,
    settings: &UpstreamSettings,
    who: &As,
    groups: &[String],
) -> Result<Told, ExchangeError> {
    let probe = Probe::of(name, settings, who.caller()).await?;
    let version = probe.metadata_version(settings)?;
    let asked = match version {
        version if version >= METADATA_BY_NAME => OwnRequest::MetadataByName { version, topics: Vec::new() },
        version => OwnRequest::MetadataAll { version },
    };
    let Probe { connection, versions } = probe;
    let (connection, answer) = connection.ask(&asked).await?;
    let cluster_id = discovery::read_metadata(version, &answer, &|_| false)?.cluster_id.0;
    let range = versions.get(&table::DESCRIBE_GROUPS).and_then(|range| range.intersect(GROUP_RIGHTS));
    let mut rights = RightsByName::new();
    if let Some(version) = range.map(|range| range.max) {
        let asked = OwnRequest::GroupRights { version, groups: groups.to_vec() };
        let (_, answer) = connection.ask(&asked).await?;
        rights = discovery::read_group_rights(version, &answer)?;
    }
    Ok(Told { versions, cluster_id, groups: rights })
}
