//! A second wall: what the brokers must be told so that Weir's identity there gets no more than its policy lets leave.
//!
//! Text from a configuration and its policy. Nothing is asked, nothing is changed, no key is read. Must never: allow what
//! the catalogue does not name, or what Weir never asks for.

mod acls;
mod derived;
mod expected;
mod listener;
mod packets;
mod quotas;
mod shell;
mod users;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use weir_policy::Policy;

use crate::config::{Config, Upstream};
pub(crate) use expected::UserBounds;
use users::User;

/// What is not in the configuration.
#[derive(Clone, Debug, Default)]
pub struct WallOptions {
    /// Which cluster; nothing where there is only one.
    pub upstream: Option<String>,
    /// `[TIER=]NAME`: a user as the brokers name it, where that is not the subject of its certificate.
    pub users: Vec<String>,
    /// The name of the brokers' listener for Weir.
    pub listener: String,
    /// Whether topics under the catalogue's prefixes are allowed, too.
    pub prefixes: bool,
    /// Whether clients may ask how a topic is kept.
    pub describe_configs: bool,
    /// Networks or addresses from which Weirs come.
    pub from: Vec<String>,
}

/// One file for the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallFile {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub text: String,
    /// Whether it is to be run.
    pub is_program: bool,
}

/// Why no wall can be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WallError {
    /// No such cluster, or several and none was named.
    #[error("name one of the upstreams with `--upstream`: {known}")]
    Upstream {
        /// Those that there are.
        known: String,
    },
    /// The brokers cannot tell Weir from anybody else.
    #[error(
        "upstream {0} has neither `certificate` nor `sasl`: its brokers know Weir as `User:ANONYMOUS`, like everybody \
         else who comes so; give it a certificate under `tls`, or write its name with `--user NAME`"
    )]
    Anonymous(String),
    /// A certificate cannot be read.
    #[error(
        "{path}: {why}; correct the file, or write the name that the brokers have for {whose} with `--user {flag}`"
    )]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// Who shows it.
        whose: String,
        /// What to write behind `--user`.
        flag: String,
    },
    /// The brokers' name for who has this does not stand in the configuration.
    #[error("which name the brokers have for {whose} does not stand in the configuration; write it: `--user {flag}`")]
    NotSaid {
        /// Who.
        whose: String,
        /// What to write behind `--user`.
        flag: String,
    },
    /// Two names for one.
    #[error("`--user` names {0} twice; write it once")]
    UserTwice(String),
    /// A tier that comes as Weir itself.
    #[error("`--user` names the tier `{tier}`, which has no identity of its own in upstream {upstream}; leave it out")]
    NoIdentity {
        /// The tier.
        tier: String,
        /// The cluster.
        upstream: String,
    },
    /// What looks like a tier and is none.
    #[error(
        "`--user {text}`: `{named}` is no tier with an identity of its own (those are: {own}); correct it, or write \
         `User:{text}` if all of it is a user's name"
    )]
    NoTier {
        /// What stands before the `=`.
        named: String,
        /// The tiers that could be meant.
        own: String,
        /// All of it.
        text: String,
    },
    /// A name that no line can hold.
    #[error("`{0}` is not a name of a user: it is empty, or has a character that cannot be printed")]
    NoName(String),
    /// An address is none.
    #[error("`{0}` is not a network or an address that keeps anybody out: write one like 192.0.2.0/28 or 2001:db8::7")]
    NoNetwork(String),
    /// The listener's name is none.
    #[error("`{0}` is not a name of a listener: write 1 to 63 of A-Z, 0-9 and `_`")]
    NoListener(String),
}

/// What is rendered from.
#[derive(Debug)]
pub struct Wall<'a> {
    config: &'a Config,
    policy: &'a Policy,
    options: &'a WallOptions,
    name: &'a str,
    upstream: &'a Upstream,
    /// Sorted by their names.
    users: Vec<User>,
    /// Sorted.
    topics: Vec<&'a str>,
    /// What the brokers' names of groups begin with.
    groups: BTreeSet<String>,
    /// Sorted.
    from: BTreeSet<IpNet>,
}

impl<'a> Wall<'a> {
    /// Reads the certificates that Weir shows to one cluster, and no key.
    ///
    /// # Errors
    /// What is missing, or does not fit.
    pub fn new(config: &'a Config, policy: &'a Policy, options: &'a WallOptions) -> Result<Self, WallError> {
        let (name, upstream) = one_upstream(config, options.upstream.as_deref())?;
        let listener = &options.listener;
        let is_sound = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=63).contains(&listener.len()) || !listener.bytes().all(is_sound) {
            return Err(WallError::NoListener(listener.clone()));
        }
        let users = users::all(name, upstream, policy, &options.users)?;
        let mut topics: Vec<&str> =
            policy.catalogue_literals().filter(|topic| policy.catalogue_allows(topic)).collect();
        topics.sort_unstable();
        let groups = config.groups.prefixes(policy.principals().map(|principal| &principal.namespace));
        let from = options.from.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        Ok(Self { config, policy, options, name, upstream, users, topics, groups, from })
    }

    /// All files, in the order in which they are used.
    #[must_use]
    pub fn files(&self) -> Vec<WallFile> {
        let file = |name, text, is_program| WallFile { name, text, is_program };
        let mut files = vec![
            file("server.properties", self.listener_settings(), false),
            file("acls.sh", self.acls(), true),
            file("quotas.sh", self.quotas(), true),
        ];
        files.extend(self.packet_rules().map(|text| file("weir.nft", text, false)));
        files
    }

    /// The ports of the brokers that Weir dials first, sorted.
    fn ports(&self) -> BTreeSet<u16> {
        self.upstream.bootstrap.iter().map(|(_, port)| *port).collect()
    }
}

fn network(text: &str) -> Result<IpNet, WallError> {
    let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = parsed.map(|network| network.trunc());
    // Everybody is nobody's address.
    network.ok().filter(|network| network.prefix_len() > 0).ok_or_else(|| WallError::NoNetwork(text.to_owned()))
}

fn one_upstream<'a>(config: &'a Config, wanted: Option<&str>) -> Result<(&'a str, &'a Upstream), WallError> {
    let mut all = config.upstreams.iter();
    let found = match (wanted, all.next(), all.next()) {
        (Some(wanted), ..) => config.upstreams.get_key_value(wanted),
        (None, only, None) => only,
        (None, ..) => None,
    };
    let known = || config.upstreams.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    found.map(|(name, upstream)| (name.as_str(), upstream)).ok_or_else(|| WallError::Upstream { known: known() })
}
