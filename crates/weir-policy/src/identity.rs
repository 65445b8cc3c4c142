//! From the facts of a verified certificate to the principal that it is.
//!
//! Must never: see a certificate that was not verified, fall back to a weaker fact where one was found, or choose
//! between two principals.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::{DistinguishedName, Reason, Serial, words};

/// What Weir knows of the client after TLS: facts of the leaf of the verified chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerFacts {
    /// SHA-256 of the certificate (DER).
    pub fingerprint_sha256: [u8; 32],
    /// The serial number that its issuer gave it.
    pub serial: Serial,
    /// URIs of the subject alternative name.
    pub san_uris: Vec<String>,
    /// DNS names of the subject alternative name.
    pub san_dns: Vec<String>,
    /// E-mail addresses of the subject alternative name.
    pub san_emails: Vec<String>,
    /// The subject; nothing where it holds a string type or a byte that has no safe reading. Then no rule that looks
    /// at it matches.
    pub subject: Option<DistinguishedName>,
    /// The issuer, likewise.
    pub issuer: Option<DistinguishedName>,
}

/// One fact to identify a client by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityRule {
    /// SHA-256 of the certificate.
    Fingerprint,
    /// A URI of the subject alternative name, byte by byte.
    SanUri,
    /// A DNS name of the subject alternative name, without case.
    SanDns,
    /// An e-mail address of the subject alternative name, byte by byte.
    SanEmail,
    /// The whole subject, as parsed RDNs.
    Dn,
    /// The common name of the subject, where it has exactly one.
    Cn,
}

impl IdentityRule {
    /// Every rule, the most specific first: the default order.
    pub const ALL: [Self; 6] = [Self::Fingerprint, Self::SanUri, Self::SanDns, Self::SanEmail, Self::Dn, Self::Cn];

    /// The name, as configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fingerprint => "fingerprint",
            Self::SanUri => "san-uri",
            Self::SanDns => "san-dns",
            Self::SanEmail => "san-email",
            Self::Dn => "dn",
            Self::Cn => "cn",
        }
    }

    /// What this rule finds in a certificate.
    fn facts(self, peer: &PeerFacts) -> Vec<Fact> {
        match self {
            Self::Fingerprint => vec![Fact::Fingerprint(peer.fingerprint_sha256)],
            Self::SanUri => peer.san_uris.iter().cloned().map(Fact::SanUri).collect(),
            Self::SanDns => peer.san_dns.iter().map(|name| Fact::SanDns(name.to_ascii_lowercase())).collect(),
            Self::SanEmail => peer.san_emails.iter().cloned().map(Fact::SanEmail).collect(),
            Self::Dn => peer.subject.iter().cloned().map(Fact::Dn).collect(),
            Self::Cn => {
                let name = peer.subject.as_ref().and_then(DistinguishedName::common_name);
                name.map(|name| Fact::Cn(name.to_owned())).into_iter().collect()
            }
        }
    }
}

/// One fact of a certificate, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// SHA-256 of the certificate.
    Fingerprint([u8; 32]),
    /// A URI of the subject alternative name.
    SanUri(String),
    /// A DNS name of the subject alternative name, in lower case.
    SanDns(String),
    /// An e-mail address of the subject alternative name.
    SanEmail(String),
    /// The whole subject.
    Dn(DistinguishedName),
    /// The only common name of the subject.
    Cn(String),
}

impl Fact {
    /// The rule that looks at it.
    #[must_use]
    pub fn rule(&self) -> IdentityRule {
        match self {
            Self::Fingerprint(_) => IdentityRule::Fingerprint,
            Self::SanUri(_) => IdentityRule::SanUri,
            Self::SanDns(_) => IdentityRule::SanDns,
            Self::SanEmail(_) => IdentityRule::SanEmail,
            Self::Dn(_) => IdentityRule::Dn,
            Self::Cn(_) => IdentityRule::Cn,
        }
    }
}

/// As the policy's files write it, without the colon: `cn a-tool`.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::fact(self))
    }
}

/// What a certificate must state to be a principal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRule<'a> {
    /// The fact.
    pub fact: &'a Fact,
    /// The subject of the CA that must have issued it; nothing for any that is trusted.
    pub issuer: Option<&'a DistinguishedName>,
}

/// A principal that a fact may stand for.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// The CA that must have issued the certificate; nothing for any that is trusted.
    pub(crate) issuer: Option<DistinguishedName>,
    /// The principal's name.
    pub(crate) principal: Arc<str>,
}

/// All facts that stand for a principal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    pub(crate) rules: Vec<IdentityRule>,
    pub(crate) holders: HashMap<Fact, Vec<Holder>>,
}

impl Identities {
    /// All that stands for a principal: in the order in which the facts are tried, and sorted where one rule has many.
    pub(crate) fn of(&self, principal: &str) -> Vec<CertificateRule<'_>> {
        let holders = self.holders.iter().flat_map(|(fact, holders)| holders.iter().map(move |holder| (fact, holder)));
        let own = holders.filter(|(_, holder)| *holder.principal == *principal);
        let mut rules: Vec<_> =
            own.map(|(fact, holder)| CertificateRule { fact, issuer: holder.issuer.as_ref() }).collect();
        let turn = |fact: &Fact| self.rules.iter().position(|rule| *rule == fact.rule());
        rules.sort_by(|a, b| (turn(a.fact), a.fact, a.issuer).cmp(&(turn(b.fact), b.fact, b.issuer)));
        rules
    }

    /// The name of the principal of the first rule that finds one.
    pub(crate) fn identify(&self, peer: &PeerFacts) -> Result<&str, Reason> {
        for rule in &self.rules {
            let facts = rule.facts(peer);
            let mut found = facts
                .iter()
                .filter_map(|fact| self.holders.get(fact))
                .flatten()
                .filter(|holder| holder.issuer.is_none() || holder.issuer == peer.issuer);
            let Some(first) = found.next() else { continue };
            if found.any(|other| other.principal != first.principal) {
                return Err(Reason::PrincipalAmbiguous);
            }
            return Ok(&first.principal);
        }
        Err(Reason::PrincipalUnknown)
    }
}
