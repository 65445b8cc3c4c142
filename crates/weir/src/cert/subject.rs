//! Whom a certificate names: what the principal's own file in the policy asks for, so that it maps to that principal.
//!
//! Must never: give a subject that the policy's own mapping takes for somebody else, or for nobody.

use std::error::Error;

use clap::Args;
use weir_pki::{Authority, CaDirectory, ClientSubject, Validity};
use weir_policy::{CertificateRule, DistinguishedName, Fact, PeerFacts, Policy};
use weir_server::tls::certificate_facts_of_pem;

use super::PolicyPlace;
use crate::explain;

/// Names for a certificate that no policy speaks of.
#[derive(Debug, Args)]
pub(super) struct Names {
    /// The common name of a certificate that stands in no policy; the policy is not read.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["config", "policy"])]
    pub(super) cn: Option<String>,
    /// Beside `--cn`: the organisation.
    #[arg(long, value_name = "NAME", requires = "cn")]
    organisation: Option<String>,
    /// Beside `--cn`: a URI as an alternative name. May be repeated, like the next two.
    #[arg(long, value_name = "URI", requires = "cn")]
    san_uri: Vec<String>,
    /// Beside `--cn`: a DNS name as an alternative name.
    #[arg(long, value_name = "NAME", requires = "cn")]
    san_dns: Vec<String>,
    /// Beside `--cn`: an e-mail address as an alternative name.
    #[arg(long, value_name = "ADDRESS", requires = "cn")]
    san_email: Vec<String>,
}

/// A subject, and whom the policy takes its certificates for.
pub(super) struct Meant {
    /// What the certificate is to name.
    pub(super) subject: ClientSubject,
    /// Nothing where no policy was asked.
    pub(super) principal: Option<MeantPrincipal>,
}

/// The principal that a certificate is for.
pub(super) struct MeantPrincipal {
    pub(super) name: String,
    /// The fact by which it is known, in words.
    pub(super) by: String,
    /// Whether it, or everybody, is suspended now.
    pub(super) is_suspended: bool,
    policy: Policy,
}

impl Meant {
    /// By the policy, or by names alone.
    pub(super) fn find(
        principal: Option<&str>,
        names: &Names,
        place: &PolicyPlace,
        ca: &CaDirectory,
    ) -> Result<Self, Box<dyn Error>> {
        match (principal, &names.cn) {
            (Some(_), Some(_)) => {
                Err("a principal has its names from the policy: leave out either it or `--cn`".into())
            }
            (None, None) => Err("name a principal of the policy, or `--cn NAME` where there is no policy".into()),
            (Some(principal), None) => of_principal(principal, place.read()?.policy, ca),
            (None, Some(cn)) => {
                let subject = ClientSubject {
                    common_name: cn.clone(),
                    organisation: names.organisation.clone(),
                    san_uris: names.san_uri.clone(),
                    san_dns: names.san_dns.clone(),
                    san_emails: names.san_email.clone(),
                };
                Ok(Self { subject, principal: None })
            }
        }
    }

    /// What its files are called.
    pub(super) fn name(&self) -> &str {
        self.principal.as_ref().map_or(&self.subject.common_name, |principal| &principal.name)
    }

    /// Looks at what was issued with the eyes of a serving Weir, before anybody is given it.
    pub(super) fn confirm(&self, certificate_pem: &str) -> Result<(), Box<dyn Error>> {
        let Some(principal) = &self.principal else { return Ok(()) };
        maps(&facts(certificate_pem)?, &principal.name, &principal.policy)?;
        Ok(())
    }
}

/// The subject of the first of the principal's rules that a certificate of this CA meets.
pub(super) fn of_principal(name: &str, policy: Policy, ca: &CaDirectory) -> Result<Meant, Box<dyn Error>> {
    let known = policy.principal(name).ok_or_else(|| explain::unknown(name, &policy))?;
    let issuer = facts(ca.certificate_pem())?.subject;
    let mut why_not = Vec::new();
    for rule in policy.certificate_rules(name) {
        let words = rule.fact.to_string();
        match by_rule(rule, &known.name, issuer.as_ref(), &policy) {
            Ok(subject) => {
                let is_suspended = policy.suspends(name).is_some();
                let principal = MeantPrincipal { name: known.name.clone(), by: words, is_suspended, policy };
                return Ok(Meant { subject, principal: Some(principal) });
            }
            Err(why) => why_not.push(format!("  {words}: {why}")),
        }
    }
    let why_not = if why_not.is_empty() { "  it has none".to_owned() } else { why_not.join("\n") };
    Err(format!(
        "no certificate of this CA would be `{name}`, by any line of its `certificate:` list:\n{why_not}\n\
         nothing was issued; add a line that one can meet, such as `- cn: {name}`"
    )
    .into())
}

/// What a certificate must name to meet a rule; the error says why none of this CA can.
fn by_rule(
    rule: CertificateRule<'_>,
    principal: &str,
    issuer: Option<&DistinguishedName>,
    policy: &Policy,
) -> Result<ClientSubject, String> {
    if let Some(wanted) = rule.issuer.filter(|wanted| Some(*wanted) != issuer) {
        let own = issuer.map_or("without a readable name".to_owned(), |own| format!("`{own}`"));
        return Err(format!("its `issuer` is `{wanted}`, and this CA is {own}"));
    }
    let subject = subject_of(rule.fact, principal)?;
    // What an encoder makes of the names, and a reader of that, is what counts: so one is made and thrown away.
    let trial = Authority::new("trial").and_then(|ca| ca.client(&subject, Validity::days(1)));
    let trial = trial.map_err(|error| error.to_string())?;
    let mut peer = facts(&trial.certificate_pem).map_err(|error| error.to_string())?;
    peer.issuer = issuer.cloned();
    maps(&peer, principal, policy)?;
    Ok(subject)
}

fn subject_of(fact: &Fact, principal: &str) -> Result<ClientSubject, String> {
    // Beside an alternative name the common name is for people's eyes, and for `weir cert renew` and `revoke`.
    let named = ClientSubject::named(principal);
    Ok(match fact {
        Fact::Fingerprint(_) => return Err("a fingerprint is known only when the certificate is there".to_owned()),
        Fact::SanUri(uri) => ClientSubject { san_uris: vec![uri.clone()], ..named },
        Fact::SanDns(name) => ClientSubject { san_dns: vec![name.clone()], ..named },
        Fact::SanEmail(address) => ClientSubject { san_emails: vec![address.clone()], ..named },
        Fact::Cn(name) => ClientSubject::named(name),
        Fact::Dn(name) => of_dn(name)?,
    })
}

/// A whole subject, where it is one that `weir cert` writes: a common name, below an organisation or alone.
fn of_dn(name: &DistinguishedName) -> Result<ClientSubject, String> {
    let attributes: Vec<Vec<(&str, &str)>> = name.rdns().map(Iterator::collect).collect();
    let parts: Vec<&[(&str, &str)]> = attributes.iter().map(Vec::as_slice).collect();
    match parts.as_slice() {
        [[("2.5.4.3", name)]] => Ok(ClientSubject::named(name)),
        [[("2.5.4.10", organisation)], [("2.5.4.3", name)]] => {
            Ok(ClientSubject { organisation: Some((*organisation).to_owned()), ..ClientSubject::named(name) })
        }
        _ => Err("`weir cert` writes subjects of the form `CN=name` and `CN=name,O=organisation` alone".to_owned()),
    }
}

/// Whether the policy takes the certificate for this principal.
fn maps(peer: &PeerFacts, principal: &str, policy: &Policy) -> Result<(), String> {
    match policy.holder(peer) {
        Ok(holder) if holder.name == principal => Ok(()),
        Ok(other) => Err(format!("such a certificate would be `{}`'s, by a rule that is tried before", other.name)),
        Err(reason) => Err(format!("the policy would refuse such a certificate: {reason}")),
    }
}

fn facts(pem: &str) -> Result<PeerFacts, Box<dyn Error>> {
    let first = certificate_facts_of_pem(pem.as_bytes())?.into_iter().next();
    Ok(first.ok_or("there is no certificate in this PEM text")?.peer)
}
