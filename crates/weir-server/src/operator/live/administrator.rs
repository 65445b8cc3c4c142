//! What Weir's own identity rightly cannot see: access rules, quotas and settings of brokers, asked as an administrator.
//!
//! Must never: change anything, or be taken for what Weir sees.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use bytes::Bytes;
use weir_kafka::check::{AccessRule, BrokerSettings, Question, Quota};
use weir_kafka::cluster::{RealBrokerId, VersionRange};
use weir_kafka::discovery::{BadAnswer, MetadataAnswer};
use weir_policy::ConfigErrors;

use super::judge::{self, OfRules};
use super::wall::{exchange, name};
use super::{Report, Severity, words};
use crate::config::Config;
use crate::snapshot::{Snapshot, administrators};
use crate::upstream::{Caller, ExchangeError, HostPort, Probe, UpstreamSettings};
use crate::wall::{Wall, WallOptions};

/// An administrator's way to the clusters, used to read alone.
pub struct Administrator {
    upstreams: HashMap<String, UpstreamSettings>,
    /// `[TIER=]NAME`, as `weir render upstream` takes them.
    users: Vec<String>,
}

impl Administrator {
    /// Reads a file that has `upstreams` as a configuration has it, with an administrator's certificates or passwords.
    ///
    /// # Errors
    /// Every problem of it, and of the files that it names.
    pub fn read(path: &Path, config: &Config, users: Vec<String>) -> Result<Self, ConfigErrors> {
        Ok(Self { upstreams: administrators(path, config)?, users })
    }
}

/// Looks at one cluster, if the administrator has a way there.
pub(super) async fn look(
    administrator: &Administrator,
    snapshot: &Snapshot,
    upstream: &str,
    cluster: &MetadataAnswer,
    report: &mut Report,
) {
    let Some(settings) = administrator.upstreams.get(upstream) else { return };
    let Some(first) = settings.bootstrap.first() else { return };
    let seen = match see(first, settings, cluster).await {
        Ok(seen) => seen,
        Err(error) => {
            let (what, fix) = words::unusable(first, &error);
            let what = format!("not seen as the administrator: access rules, quotas, settings of brokers: {what}");
            return report.add(Severity::Error, upstream, what, fix);
        }
    };
    if let Some(other) = seen.other_cluster {
        let what = format!("{first}, where the administrator comes, belongs to cluster {other}");
        return report.add(Severity::Error, upstream, what, "correct `bootstrap` in the administrator's file");
    }
    judge::broker_settings(upstream, &seen.settings, report);
    for (what, why) in &seen.untold {
        let what = format!("not seen as the administrator: {what}: {why}");
        report.add(Severity::Warning, upstream, what, "give it Describe and DescribeConfigs on the cluster");
    }
    let options = WallOptions {
        upstream: Some(upstream.to_owned()),
        users: administrator.users.clone(),
        listener: "WEIR".to_owned(),
        ..WallOptions::default()
    };
    match Wall::new(&snapshot.config, &snapshot.policy, &options) {
        Ok(wall) => {
            let users = wall.bounds_of_users();
            let groups = snapshot.config.groups.prefixes(snapshot.policy.principals().map(|one| &one.namespace));
            let of = OfRules { upstream, policy: &snapshot.policy, groups: &groups, users: &users };
            if let Some(rules) = &seen.rules {
                judge::access_rules(&of, rules, report);
            }
            if let Some(quotas) = &seen.quotas {
                judge::quotas(&of, quotas, report);
            }
        }
        Err(error) => {
            let what = format!("access rules and quotas were not looked at: {error}");
            report.add(
                Severity::Warning,
                upstream,
                what,
                "write the users with `--user`, as for `weir render upstream`",
            );
        }
    }
}

/// What the administrator sees.
#[derive(Default)]
struct Seen {
    rules: Option<Vec<AccessRule>>,
    quotas: Option<Vec<Quota>>,
    settings: BTreeMap<RealBrokerId, BrokerSettings>,
    /// It is another cluster that the administrator comes to.
    other_cluster: Option<String>,
    /// What was not told, and why.
    untold: Vec<(String, String)>,
}

async fn see(first: &HostPort, settings: &UpstreamSettings, cluster: &MetadataAnswer) -> Result<Seen, ExchangeError> {
    let mut seen = Seen::default();
    let probe = Probe::of(first, settings, Caller::Weir).await?;
    let version = probe.metadata_version(settings)?;
    let Probe { connection, versions } = probe;
    let asked = weir_kafka::cleared::OwnRequest::MetadataByName { version, topics: Vec::new() };
    let (_, answer) = connection.ask(&asked).await?;
    // Its own listener: the brokers have other addresses there.
    let there = weir_kafka::discovery::read_metadata(version, &answer, &|_| false)?;
    if there.cluster_id != cluster.cluster_id {
        seen.other_cluster = Some(there.cluster_id.0);
        return Ok(seen);
    }
    let ask = |question| ask(first, settings, question, versions.get(&Question::key(question)).copied());
    match ask(Question::AccessRules).await.and_then(|(version, answer)| Ok(AccessRule::read(version, &answer)?)) {
        Ok(rules) => seen.rules = rules,
        Err(error) => seen.untold.push(("access rules".to_owned(), error.to_string())),
    }
    let read = |(version, answer): (i16, Bytes)| -> Result<_, ExchangeError> { Ok(Quota::read(version, &answer)?) };
    let own = ask(Question::Quotas).await.and_then(read);
    let of_all = ask(Question::DefaultQuotas).await.and_then(read);
    match own.and_then(|own| Ok([own, of_all?].concat())) {
        Ok(quotas) => seen.quotas = Some(quotas),
        Err(error) => seen.untold.push(("quotas".to_owned(), error.to_string())),
    }
    for (id, address) in &there.brokers {
        let question = Question::BrokerSettings(*id);
        match self::ask(&name(address), settings, question, versions.get(&question.key()).copied()).await {
            Ok((version, answer)) => match BrokerSettings::read(version, &answer) {
                Ok(settings) => drop(seen.settings.insert(*id, settings)),
                Err(error) => seen.untold.push((format!("settings of broker {}", id.0), error.to_string())),
            },
            Err(error) => seen.untold.push((format!("settings of broker {}", id.0), error.to_string())),
        }
    }
    Ok(seen)
}

/// One question on a connection of its own: what one of them does to it harms no other.
async fn ask(
    broker: &HostPort,
    settings: &UpstreamSettings,
    question: Question,
    served: Option<VersionRange>,
) -> Result<(i16, Bytes), ExchangeError> {
    let version = served.and_then(|served| served.intersect(question.versions())).map(|range| range.max);
    // The brokers are too old to answer it.
    let version = version.ok_or(ExchangeError::BadAnswer(BadAnswer::Code(UNSUPPORTED_VERSION)))?;
    let Probe { connection, .. } = Probe::of(broker, settings, Caller::Weir).await?;
    let (_, answer) = exchange(connection, question.request(version, 0), 0).await?;
    Ok((version, answer))
}

/// Kafka's code.
const UNSUPPORTED_VERSION: i16 = 35;
