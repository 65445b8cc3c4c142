//! What a bundle says, by the same code that serves and explains.
//!
//! Must never: tell more than the policy grants, or another address than a listener advertises.

use std::error::Error;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use weir_kafka::advertise::AdvertisedNodes;
use weir_pki::bundle::{
    Address, ClientCertificate, Facts, GroupRule, Limit, OffsetReset, Refusal, Secret, Stores, Topic,
};
use weir_pki::inspect::{self, Item};
use weir_policy::{Compacted, Offsets, Operation, OwnGroups, Policy, PolicyOptions, Principal, Resource};
use weir_server::config::{Config, Listener};
use weir_server::snapshot::OfflinePolicy;
use weir_server::tls::certificate_facts_of_pem;

use super::{trust, words};
use crate::explain;

/// What is known without a certificate.
pub(super) struct Known {
    policy: Policy,
    principal: Arc<Principal>,
    address: Address,
    server_certificate: PathBuf,
    client_ca: PathBuf,
}

/// A certificate, and whom to trust.
pub(super) struct Given {
    pub(super) certificate: ClientCertificate,
    pub(super) key: Option<Secret>,
    pub(super) ca_pem: String,
}

impl Given {
    /// Something in the place of a certificate that is not there yet.
    pub(super) fn trial(certificate_pem: &str, ca_pem: &str) -> Self {
        let certificate = ClientCertificate {
            chain_pem: certificate_pem.to_owned(),
            not_after: OffsetDateTime::UNIX_EPOCH,
            serial: "00".to_owned(),
        };
        Self { certificate, key: None, ca_pem: ca_pem.to_owned() }
    }
}

impl Known {
    pub(super) fn read(config: &Path, principal: &str, listener: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let read = OfflinePolicy::of_config(config, None)?;
        let config = read.config.as_ref().ok_or("the configuration says where clients connect: name it with `-c`")?;
        let listener = chosen(config, listener)?;
        let server_certificate = listener.tls.certificate.value.clone();
        let client_ca = listener.tls.client_ca.value.clone();
        let address = address(listener);
        let policy = whole(&read, config)?;
        let principal = policy.principal(principal).ok_or_else(|| explain::unknown(principal, &policy))?;
        Ok(Self { policy, principal, address, server_certificate, client_ca })
    }

    /// Looks at the server's certificate as a client with these CAs will, and tells what is in the way.
    pub(super) fn trust(&self, ca_pem: &str) -> Result<(), Box<dyn Error>> {
        if let Some(note) = trust::look(&self.server_certificate, &self.address.host, ca_pem)? {
            eprintln!("note: {note}");
        }
        Ok(())
    }

    /// Looks at the client's certificate as the listener will, and tells where it would not be let in.
    pub(super) fn accepts(&self, chain_pem: &str) {
        if let Some(note) = trust::look_at_client(&self.client_ca, chain_pem) {
            eprintln!("note: {note}");
        }
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.policy.suspends(&self.principal.name).is_some()
    }

    /// Looks at a certificate with the eyes of a serving Weir.
    pub(super) fn certificate(&self, chain_pem: &str, file: &Path) -> Result<ClientCertificate, Box<dyn Error>> {
        let file = file.display();
        let chain = certificate_facts_of_pem(chain_pem.as_bytes()).map_err(|error| format!("{file}: {error}"))?;
        let leaf = chain.first().ok_or_else(|| format!("{file}: no certificate is in it"))?;
        let name = &self.principal.name;
        match self.policy.holder(&leaf.peer) {
            Ok(holder) if holder.name == *name => {}
            Ok(other) => return Err(format!("{file} is the certificate of `{}`, not of `{name}`", other.name).into()),
            Err(reason) => return Err(format!("{file} is not `{name}`'s: {}", reason.sentence()).into()),
        }
        if !leaf.strong_key {
            return Err(format!("{file}: its key is weaker than RSA-2048 or P-256, and is refused").into());
        }
        let ends = chain.iter().map(|facts| facts.not_after).min().unwrap_or(leaf.not_after);
        let not_after = OffsetDateTime::from_unix_timestamp(ends)?;
        if not_after < OffsetDateTime::now_utc() {
            return Err(format!("{file}: the certificate, or one of its chain, ended on {}", not_after.date()).into());
        }
        Ok(ClientCertificate { chain_pem: chain_pem.to_owned(), not_after, serial: leaf.peer.serial.to_string() })
    }

    pub(super) fn facts(&self, given: Given, offset_reset: OffsetReset, stores: Option<Stores>) -> Facts {
        let principal = &*self.principal;
        // Prefixes of the grants are names by now, but for what an entry marked `auto: true` lets leave tomorrow.
        let prefixes = principal.granted_prefixes().filter(|_| self.policy.has_patterns());
        let limit = |limit: weir_policy::LimitInWords| Limit {
            key: limit.key,
            counts: words::counts(limit.key),
            words: limit.words,
        };
        Facts {
            principal: principal.name.clone(),
            bootstrap: vec![self.address.clone()],
            topics: self.topics(),
            topic_prefixes: prefixes.map(str::to_owned).collect(),
            groups: match principal.own_groups() {
                OwnGroups::Any => GroupRule::Any,
                OwnGroups::Prefix(prefix) => GroupRule::Prefix(prefix),
            },
            offset_reset,
            limits: principal.limits.in_words().into_iter().map(limit).collect(),
            keeps_offsets: principal.limits.offsets == Offsets::Forward,
            refusals: words::refusals().collect::<Vec<Refusal>>(),
            networks: principal.cidrs.iter().map(ToString::to_string).collect(),
            certificate: given.certificate,
            key: given.key,
            ca_pem: given.ca_pem,
            stores,
            weir: None,
        }
    }

    /// Those that both keys open now, sorted.
    fn topics(&self) -> Vec<Topic> {
        let may_read = |topic: &&str| {
            self.policy.judge(&self.principal, Operation::Read, Resource::Topic(topic), Compacted::assumed()).is_ok()
        };
        let described = |topic: &str| Topic {
            name: topic.to_owned(),
            description: self.policy.catalogue_entry(topic).map(|entry| entry.description.clone()).unwrap_or_default(),
        };
        let mut topics: Vec<_> = self.policy.catalogue_literals().filter(may_read).map(described).collect();
        topics.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        topics
    }
}

/// Whether a key is that of the first certificate.
pub(super) fn belong_together(chain_pem: &str, key: &Secret) -> Result<(), Box<dyn Error>> {
    let of_certificate = inspect::read(chain_pem)?.into_iter().find_map(|item| match item {
        Item::Certificate(facts) => Some(facts.public_key_sha256),
        _ => None,
    });
    let of_key = inspect::read(key.expose())?.into_iter().find_map(|item| match item {
        Item::Key(facts) => Some(facts.public_key_sha256),
        _ => None,
    });
    if of_key.is_some_and(|of_key| of_key == of_certificate) {
        return Ok(());
    }
    Err("the key of `--key` is not the one that the certificate is for".into())
}

/// The policy with whole limits: a consumer meets all replicas together.
fn whole(read: &OfflinePolicy, config: &Config) -> Result<Policy, Box<dyn Error>> {
    let options = PolicyOptions { nodes: NonZeroU32::MIN, ..config.policy_options() };
    Ok(Policy::compile(&read.files, &options)?)
}

fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Listener, Box<dyn Error>> {
    let names = || config.listeners.iter().map(|listener| listener.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, config.listeners.as_slice()) {
        (Some(name), all) => Ok(all
            .iter()
            .find(|listener| listener.name == name)
            .ok_or_else(|| format!("there is no listener `{}`; write one of {}", name.escape_debug(), names()))?),
        (None, [one]) => Ok(one),
        (None, _) => Err(format!("there are several listeners: add `--listener` with one of {}", names()).into()),
    }
}

/// Where clients connect first.
fn address(listener: &Listener) -> Address {
    match &listener.advertise {
        AdvertisedNodes::Sni { host, port } => Address { host: host.clone(), port: *port },
        AdvertisedNodes::Ports { host, bootstrap_port, .. } => Address { host: host.clone(), port: *bootstrap_port },
    }
}
