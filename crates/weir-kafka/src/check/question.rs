//! What an identity sees of a whole cluster. Each question only reads.
//!
//! Must never: keep what was not asked for, or believe a broker: its answer may be garbage.

use bytes::Bytes;
use kafka_protocol::messages::describe_client_quotas_response::EntryData;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{
    ApiKey, DescribeAclsResponse, DescribeClientQuotasResponse, DescribeConfigsResponse, ListTransactionsResponse,
    MetadataResponse,
};

use super::answer::read;
use crate::cluster::{RealBrokerId, VersionRange};
use crate::discovery::{BadAnswer, Rights};
use crate::shape;

/// Kafka's code of a broker without an authorizer, and its number of a rule that allows.
const SECURITY_DISABLED: i16 = 54;
const ALLOW: i8 = 3;
/// Whose quotas are asked for.
pub(super) const QUOTA_OF: &str = "user";
/// The settings of brokers that are looked at.
pub(super) const BROKER_SETTINGS: [&str; 3] = [AUTO_CREATE, AUTHORIZER, ALLOW_EVERYONE];
const AUTO_CREATE: &str = "auto.create.topics.enable";
const AUTHORIZER: &str = "authorizer.class.name";
const ALLOW_EVERYONE: &str = "allow.everyone.if.no.acl.found";

/// What is asked of a whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Every topic, with what may be done with each, and with the cluster.
    Everything,
    /// Every transactional id that the broker coordinates.
    Transactions,
    /// Every access rule.
    AccessRules,
    /// The quotas of every user that has one.
    Quotas,
    /// The quotas of users that have none of their own.
    DefaultQuotas,
    /// Some settings of the broker that is asked.
    BrokerSettings(RealBrokerId),
}

/// What an identity sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Everything {
    /// The broker that decides for the cluster, where there is one.
    pub controller: RealBrokerId,
    /// Every topic.
    pub topics: Vec<EveryTopic>,
    /// What may be done with the cluster itself; nothing where it is not told.
    pub cluster: Option<Rights>,
}

/// A topic that an identity sees, whether the catalogue knows it or not.
#[derive(Clone, PartialEq, Eq)]
pub struct EveryTopic {
    /// Its name at the brokers. Whoever shows it must know to whom.
    pub name: String,
    /// Kafka keeps it for itself.
    pub is_internal: bool,
    /// What may be done with it; nothing where it is not told.
    pub rights: Option<Rights>,
}

/// It does not write the name.
impl std::fmt::Debug for EveryTopic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EveryTopic").field("is_internal", &self.is_internal).finish_non_exhaustive()
    }
}

/// An access rule, in Kafka's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
    pub resource: i8,
    /// What it is on.
    pub name: String,
    /// 3 literal, 4 prefixed.
    pub pattern: i8,
    /// `User:` and a name.
    pub principal: String,
    /// 2 all, 3 Read, 4 Write...
    pub operation: i8,
    /// It allows; else it denies.
    pub allows: bool,
}

/// Whom a quota is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// The user of this name.
    User(String),
    /// Every user that has none.
    DefaultUser,
    /// Somebody else, or a user of one client id.
    Other,
}

/// A quota.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// On whom.
    pub entity: Entity,
    /// Its keys and values.
    pub values: Vec<(String, f64)>,
}

/// Some settings of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Whether it creates topics that are asked for; nothing where it was not told.
    pub creates_topics: Option<bool>,
    /// The class of its authorizer; empty for none, nothing where it was not told.
    pub authorizer: Option<String>,
    /// `allow.everyone.if.no.acl.found` is written there. Kafka does not tell as what.
    pub names_everyone: bool,
}

impl Question {
    pub(super) fn api(self) -> (ApiKey, &'static str) {
        match self {
            Self::Everything => (ApiKey::Metadata, "Metadata"),
            Self::Transactions => (ApiKey::ListTransactions, "ListTransactions"),
            Self::AccessRules => (ApiKey::DescribeAcls, "DescribeAcls"),
            Self::Quotas | Self::DefaultQuotas => (ApiKey::DescribeClientQuotas, "DescribeClientQuotas"),
            Self::BrokerSettings(_) => (ApiKey::DescribeConfigs, "DescribeConfigs"),
        }
    }

    /// Kafka's number of the API.
    #[must_use]
    pub fn key(self) -> i16 {
        self.api().0 as i16
    }

    /// Kafka's name of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.api().1
    }

    /// The versions in which it is asked.
    #[must_use]
    pub fn versions(self) -> VersionRange {
        let (min, max) = match self {
            // Those that tell what may be done with the cluster.
            Self::Everything => (8, 10),
            Self::Transactions | Self::Quotas | Self::DefaultQuotas => (0, 0),
            Self::AccessRules => (1, 1),
            Self::BrokerSettings(_) => (1, 3),
        };
        VersionRange { min, max }
    }
}

impl Everything {
    /// Reads the answer to `Question::Everything`, header included.
    ///
    /// # Errors
    /// Where it is malformed.
    pub fn read(version: i16, answer: &Bytes) -> Result<Self, BadAnswer> {
        let message: MetadataResponse = read(ApiKey::Metadata, &shape::metadata::RESPONSE, version, answer)?;
        let topic = |topic: MetadataResponseTopic| {
            let rights = Rights::told(topic.topic_authorized_operations);
            Some(EveryTopic { name: topic.name?.to_string(), is_internal: topic.is_internal, rights })
        };
        Ok(Self {
            controller: RealBrokerId(message.controller_id.0),
            topics: message.topics.into_iter().filter_map(topic).collect(),
            cluster: Rights::told(message.cluster_authorized_operations),
        })
    }
}

/// Reads the answer to `Question::Transactions`, header included: their ids.
///
/// # Errors
/// Where it is malformed, or an error.
pub fn read_transactions(version: i16, answer: &Bytes) -> Result<Vec<String>, BadAnswer> {
    let shape = &shape::check::LIST_TRANSACTIONS;
    let message: ListTransactionsResponse = read(ApiKey::ListTransactions, shape, version, answer)?;
    sound(message.error_code)?;
    Ok(message.transaction_states.into_iter().map(|state| state.transactional_id.to_string()).collect())
}

impl AccessRule {
    /// Reads the answer to `Question::AccessRules`, header included; nothing where the broker has no authorizer.
    ///
    /// # Errors
    /// Where it is malformed, or an error.
    pub fn read(version: i16, answer: &Bytes) -> Result<Option<Vec<Self>>, BadAnswer> {
        let message: DescribeAclsResponse =
            read(ApiKey::DescribeAcls, &shape::describe_acls::RESPONSE, version, answer)?;
        if message.error_code == SECURITY_DISABLED {
            return Ok(None);
        }
        sound(message.error_code)?;
        let mut rules = Vec::new();
        for resource in message.resources {
            rules.extend(resource.acls.iter().map(|acl| Self {
                resource: resource.resource_type,
                name: resource.resource_name.to_string(),
                pattern: resource.pattern_type,
                principal: acl.principal.to_string(),
                operation: acl.operation,
                allows: acl.permission_type == ALLOW,
            }));
        }
        Ok(Some(rules))
    }
}

impl Quota {
    /// Reads the answer to `Question::Quotas`, header included.
    ///
    /// # Errors
    /// Where it is malformed, or an error.
    pub fn read(version: i16, answer: &Bytes) -> Result<Vec<Self>, BadAnswer> {
        let shape = &shape::describe_client_quotas::RESPONSE;
        let message: DescribeClientQuotasResponse = read(ApiKey::DescribeClientQuotas, shape, version, answer)?;
        sound(message.error_code)?;
        let quota = |entry: EntryData| Self {
            entity: match entry.entity.as_slice() {
                [only] if &*only.entity_type == QUOTA_OF => match &only.entity_name {
                    Some(name) => Entity::User(name.to_string()),
                    None => Entity::DefaultUser,
                },
                _ => Entity::Other,
            },
            values: entry.values.iter().map(|value| (value.key.to_string(), value.value)).collect(),
        };
        Ok(message.entries.unwrap_or_default().into_iter().map(quota).collect())
    }
}

impl BrokerSettings {
    /// Reads the answer to `Question::BrokerSettings`, header included.
    ///
    /// # Errors
    /// Where it is malformed, or an error.
    pub fn read(version: i16, answer: &Bytes) -> Result<Self, BadAnswer> {
        let shape = &shape::describe_configs::RESPONSE;
        let message: DescribeConfigsResponse = read(ApiKey::DescribeConfigs, shape, version, answer)?;
        let result = message.results.first().ok_or(BadAnswer::Contradiction)?;
        sound(result.error_code)?;
        let named = |name: &str| result.configs.iter().find(|config| &*config.name == name);
        let value = |name: &str| named(name).and_then(|config| config.value.as_ref()).map(ToString::to_string);
        Ok(Self {
            creates_topics: value(AUTO_CREATE).and_then(|value| value.parse().ok()),
            authorizer: value(AUTHORIZER),
            names_everyone: named(ALLOW_EVERYONE).is_some(),
        })
    }
}

fn sound(code: i16) -> Result<(), BadAnswer> {
    if code == 0 { Ok(()) } else { Err(BadAnswer::Code(code)) }
}
