//! Who Weir is to the brokers: one user for itself, and one for each tier that comes with an identity of its own.
//!
//! Must never: take the name of one for the name of another, or give a tier's user what no principal of the tier needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use weir_policy::Policy;

use super::WallError;
use crate::config::{SaslIdentity, Upstream};
use crate::tls::kafka_name;

/// A user of the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    /// As the brokers name it, without `User:`.
    pub(super) name: String,
    /// Whether Weir asks its own questions so.
    pub(super) is_weir: bool,
    /// The tiers whose principals come so.
    pub(super) tiers: BTreeSet<String>,
}

impl User {
    /// Whether clients come so: one that serves no tier needs to see, and nothing more.
    pub(super) fn reads(&self) -> bool {
        !self.tiers.is_empty()
    }

    /// Who it is, for people.
    pub(super) fn words(&self) -> String {
        let weir = self.is_weir.then(|| "Weir itself".to_owned());
        let tiers: Vec<&str> = self.tiers.iter().map(String::as_str).collect();
        let of_tiers = self.reads().then(|| {
            let tiers_are = if tiers.len() == 1 { "tier" } else { "tiers" };
            format!("principals of the {tiers_are} {}", tiers.join(", "))
        });
        weir.into_iter().chain(of_tiers).collect::<Vec<_>>().join(", and ")
    }
}

/// The names that were written, in the place of what certificates say.
#[derive(Debug, Default)]
struct Given {
    weir: Option<String>,
    tiers: BTreeMap<String, String>,
}

/// Every user of Weir's in one cluster, by its name.
pub(super) fn all(
    name: &str,
    upstream: &Upstream,
    policy: &Policy,
    written: &[String],
) -> Result<Vec<User>, WallError> {
    let own_tiers = own_tiers(upstream);
    let given = Given::read(written, name, &own_tiers, policy)?;
    let weir = match given.weir {
        Some(weir) => weir,
        None => of_weir(name, upstream)?,
    };
    let others = policy.tiers().map(|tier| tier.name.clone()).filter(|tier| !own_tiers.contains(tier.as_str()));
    let weir = User { name: weir, is_weir: true, tiers: others.collect() };
    let mut users = BTreeMap::from([(weir.name.clone(), weir)]);
    for tier in own_tiers {
        let name = match given.tiers.get(tier) {
            Some(name) => name.clone(),
            None => of_tier(tier, upstream)?,
        };
        let fresh = User { name: name.clone(), ..User::default() };
        users.entry(name).or_insert(fresh).tiers.insert(tier.to_owned());
    }
    Ok(users.into_values().collect())
}

/// The tiers with an identity of their own. With SASL certificates say nothing of who comes.
fn own_tiers(upstream: &Upstream) -> BTreeSet<&str> {
    match &upstream.sasl {
        Some(sasl) => sasl.identities.keys().map(String::as_str).collect(),
        None => upstream.tls.iter().flat_map(|tls| tls.identities.keys()).map(String::as_str).collect(),
    }
}

fn of_weir(name: &str, upstream: &Upstream) -> Result<String, WallError> {
    if let Some(sasl) = &upstream.sasl {
        return of_sasl(&sasl.own, "Weir", "NAME");
    }
    let identity = upstream.tls.as_ref().and_then(|tls| tls.identity.as_ref());
    let (certificate, _) = identity.ok_or_else(|| WallError::Anonymous(name.to_owned()))?;
    of_certificate(&certificate.value, "Weir", "NAME")
}

fn of_tier(tier: &str, upstream: &Upstream) -> Result<String, WallError> {
    let (whose, flag) = (format!("the tier {tier}"), format!("{tier}=NAME"));
    if let Some(identity) = upstream.sasl.as_ref().and_then(|sasl| sasl.identities.get(tier)) {
        return of_sasl(identity, &whose, &flag);
    }
    let identity = upstream.tls.as_ref().and_then(|tls| tls.identities.get(tier));
    let Some(identity) = identity else { return Err(WallError::NotSaid { whose, flag }) };
    of_certificate(&identity.certificate.value, &whose, &flag)
}

/// A token says who it is for, and only the brokers know what they make of it.
fn of_sasl(identity: &SaslIdentity, whose: &str, flag: &str) -> Result<String, WallError> {
    match identity.username.as_deref() {
        Some(EVERYBODY) => Err(WallError::NoName(EVERYBODY.to_owned())),
        Some(name) => Ok(name.to_owned()),
        None => Err(WallError::NotSaid { whose: whose.to_owned(), flag: flag.to_owned() }),
    }
}

fn of_certificate(path: &Path, whose: &str, flag: &str) -> Result<String, WallError> {
    let failed = |why: String| WallError::Certificate {
        path: path.to_owned(),
        why,
        whose: whose.to_owned(),
        flag: flag.to_owned(),
    };
    let pem = std::fs::read(path).map_err(|error| failed(format!("it cannot be read: {error}")))?;
    let name = kafka_name(&pem).map_err(|error| failed(error.to_string()))?;
    name.ok_or_else(|| failed("its subject is not one that every broker writes in the same way".to_owned()))
}

impl Given {
    /// `NAME` or `TIER=NAME`. A distinguished name has `=` in it, too: what stands before the first one is a tier where
    /// the policy has it. With `User:` before it, all of it is a name.
    fn read(written: &[String], name: &str, own: &BTreeSet<&str>, policy: &Policy) -> Result<Self, WallError> {
        let mut given = Self::default();
        for text in written {
            let tier = text.split_once('=').filter(|(before, _)| policy.tiers().any(|tier| tier.name == *before));
            if tier.is_none() {
                no_tier_was_meant(text, own)?;
            }
            match tier {
                Some((tier, _)) if !own.contains(tier) => {
                    return Err(WallError::NoIdentity { tier: tier.to_owned(), upstream: name.to_owned() });
                }
                Some((tier, name)) => {
                    if given.tiers.insert(tier.to_owned(), user_name(name)?).is_some() {
                        return Err(WallError::UserTwice(format!("the tier {tier}")));
                    }
                }
                None => {
                    if given.weir.replace(user_name(text)?).is_some() {
                        return Err(WallError::UserTwice("Weir".to_owned()));
                    }
                }
            }
        }
        Ok(given)
    }
}

/// Kafka writes the keys of a distinguished name in capitals, or as numbers with dots: small letters before `=` are a tier's
/// name, misspelt.
fn no_tier_was_meant(text: &str, own: &BTreeSet<&str>) -> Result<(), WallError> {
    let of_tier = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match text.split_once('=') {
        Some((before, _)) if !before.is_empty() && before.bytes().all(of_tier) => {
            let own =
                if own.is_empty() { "none".to_owned() } else { own.iter().copied().collect::<Vec<_>>().join(", ") };
            Err(WallError::NoTier { named: before.to_owned(), own, text: text.to_owned() })
        }
        _ => Ok(()),
    }
}

/// How Kafka reads this name in an ACL.
const EVERYBODY: &str = "*";

fn user_name(text: &str) -> Result<String, WallError> {
    let name = text.strip_prefix("User:").unwrap_or(text);
    if name.is_empty() || name == EVERYBODY || name.chars().any(char::is_control) {
        return Err(WallError::NoName(text.escape_debug().to_string()));
    }
    Ok(name.to_owned())
}
