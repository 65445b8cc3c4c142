//! What the configuration says of SASL to the brokers.
//!
//! Must never: let a password or a token go over a connection without TLS, or read the files that hold them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::{At, Place};
use super::raw::{RawMechanism, RawSasl, RawSaslIdentity, RawUpstreamTls};
use super::validate::Check;

/// As whom Weir comes to the brokers of one cluster.
#[derive(Clone, Debug)]
pub struct UpstreamSasl {
    /// The mechanism of all of them.
    pub mechanism: RawMechanism,
    /// As whom Weir itself comes, and what principals of tiers ask that have no identity of their own.
    pub own: SaslIdentity,
    /// As whom what principals of a tier ask comes, by the tier's name.
    pub identities: BTreeMap<String, SaslIdentity>,
}

/// A user of the brokers. Places are no difference between two of them.
#[derive(Clone, Debug)]
pub struct SaslIdentity {
    /// Where the configuration gives it.
    pub place: Place,
    /// The user; nothing for OAUTHBEARER, where the token says it.
    pub username: Option<String>,
    /// The file with the password or the token.
    pub secret: At<PathBuf>,
}

impl UpstreamSasl {
    /// All of its identities.
    pub fn all(&self) -> impl Iterator<Item = &SaslIdentity> {
        std::iter::once(&self.own).chain(self.identities.values())
    }
}

impl PartialEq for UpstreamSasl {
    fn eq(&self, other: &Self) -> bool {
        let Self { mechanism, own, identities } = self;
        (mechanism, own, identities) == (&other.mechanism, &other.own, &other.identities)
    }
}

impl PartialEq for SaslIdentity {
    fn eq(&self, other: &Self) -> bool {
        let Self { place: _, username, secret } = self;
        (username, &secret.value) == (&other.username, &other.secret.value)
    }
}

/// Nothing where something is wrong, which was noted.
pub(super) fn sasl(check: &mut Check<'_>, raw: &At<RawSasl>, tls: Option<&RawUpstreamTls>) -> Option<UpstreamSasl> {
    match tls {
        None => {
            let fix = "add `tls: {ca: FILE}` beside it, and name the brokers' SASL_SSL port";
            check.problems.add(raw.place, "`sasl` without `tls`: who listens could come as Weir", fix);
        }
        // To brokers with SASL a certificate says nothing of who comes: the tiers would all be one user, unnoticed.
        Some(tls) => {
            for (tier, identity) in &tls.identities {
                let what = format!("with `sasl` the brokers do not tell `{tier}` apart by a certificate");
                check.problems.add(identity.place, what, "write it under `identities` of `sasl`");
            }
        }
    }
    let RawSasl { mechanism, username, password_file, token_file, identities } = &raw.value;
    let own = RawSaslIdentity {
        username: username.clone(),
        password_file: password_file.clone(),
        token_file: token_file.clone(),
    };
    let own = identity(check, mechanism.value, raw.place, &own);
    let one = |(tier, raw): (&String, &At<RawSaslIdentity>)| {
        Some((tier.clone(), identity(check, mechanism.value, raw.place, &raw.value)?))
    };
    let identities = identities.iter().filter_map(one).collect();
    Some(UpstreamSasl { mechanism: mechanism.value, own: own?, identities })
}

fn identity(
    check: &mut Check<'_>,
    mechanism: RawMechanism,
    place: Place,
    raw: &RawSaslIdentity,
) -> Option<SaslIdentity> {
    let name = mechanism.name();
    let is_scram = mechanism != RawMechanism::OAuthBearer;
    let (wanted, unwanted) = if is_scram {
        (("password_file", &raw.password_file), [("token_file", &raw.token_file), ("", &None)])
    } else {
        (("token_file", &raw.token_file), [("password_file", &raw.password_file), ("username", &raw.username)])
    };
    for (key, written) in unwanted.iter().filter_map(|(key, written)| Some((key, written.as_ref()?))) {
        check.problems.add(written.place, format!("{name} has no use for `{key}`"), "take it away");
    }
    let username = raw.username.as_ref().filter(|_| is_scram);
    if is_scram && username.is_none() {
        let fix = "add `username:`, the user that `kafka-configs.sh --entity-type users --describe` shows";
        check.problems.add(place, format!("{name} needs `username`"), fix);
    }
    if let Some(username) = username.filter(|name| name.value.is_empty() || name.value.chars().any(char::is_control)) {
        check.problems.add(username.place, "`username` is no name", "write the user that the brokers know");
    }
    let Some(secret) = wanted.1 else {
        let what = format!("{name} needs `{}`", wanted.0);
        check.problems.add(place, what, format!("add `{}: FILE`, a file that only Weir's user can read", wanted.0));
        return None;
    };
    if is_scram && username.is_none() {
        return None;
    }
    Some(SaslIdentity { place, username: username.map(|name| name.value.clone()), secret: check.path(secret) })
}
