//! The `certificate:` list of a principal: the facts that stand for it, each held by one principal.

use std::collections::HashMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::fields::{Fields, Text};
use super::plain::given;
use crate::identity::{Fact, Holder};
use crate::problem::{Place, Problems};
use crate::{DistinguishedName, IdentityRule};

/// Exactly one of the first six; and the CA that must have issued the certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMatch {
    san_uri: Text,
    san_dns: Text,
    san_email: Text,
    cn: Text,
    /// The whole subject, as RFC 4514 writes it.
    dn: Text,
    /// SHA-256 of the certificate in hex, with or without colons.
    fingerprint: Text,
    /// The subject of the issuing CA, as RFC 4514 writes it.
    #[serde(default, deserialize_with = "given")]
    issuer: Text,
}

/// One fact of a principal, and where it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match {
    fact: Fact,
    issuer: Option<DistinguishedName>,
    place: Place,
}

pub(super) fn read(fields: &mut Fields<'_>, rules: &[IdentityRule], raw: Spanned<RawMatch>) -> Option<Match> {
    let at = raw.referenced;
    let RawMatch { san_uri, san_dns, san_email, cn, dn, fingerprint, issuer } = raw.value;
    let issuer = match issuer {
        None => None,
        Some(issuer) => Some(read_dn(fields, &issuer)?),
    };
    let (key, value) = fields.exactly_one(
        at,
        [
            ("san_uri", san_uri),
            ("san_dns", san_dns),
            ("san_email", san_email),
            ("cn", cn),
            ("dn", dn),
            ("fingerprint", fingerprint),
        ],
    )?;
    let fact = read_fact(fields, key, &value)?;
    if !rules.contains(&fact.rule()) {
        let rule = fact.rule().name();
        let what = format!("no identity rule looks at `{key}`");
        fields.problem(value.referenced, what, format!("match another fact, or add `{rule}` to the identity rules"));
        return None;
    }
    Some(Match { fact, issuer, place: fields.place(value.referenced) })
}

fn read_fact(fields: &mut Fields<'_>, key: &str, value: &Spanned<String>) -> Option<Fact> {
    let text = value.value.clone();
    if text.trim() != text || text.is_empty() || text.contains(char::is_control) {
        fields.problem(value.referenced, format!("`{key}` is empty or has blanks around it"), "write the bare value");
        return None;
    }
    let (fact, fix) = match key {
        "san_uri" => (text.contains(':').then_some(Fact::SanUri(text)), "write the whole URI, scheme first"),
        "san_dns" => {
            let sound = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
            let fact = (sound && !text.ends_with('.')).then(|| Fact::SanDns(text.to_ascii_lowercase()));
            (fact, "write the whole name, without a star or a last dot")
        }
        "san_email" => (text.contains('@').then_some(Fact::SanEmail(text)), "write the whole address"),
        "cn" => {
            let bare = !text.to_ascii_lowercase().starts_with("cn=");
            (bare.then_some(Fact::Cn(text)), "write the name alone, without `CN=`")
        }
        "fingerprint" => (fingerprint(&text).map(Fact::Fingerprint), "write the 64 hex digits of the SHA-256"),
        _ => return read_dn(fields, value).map(Fact::Dn),
    };
    if fact.is_none() {
        fields.problem(value.referenced, format!("this is no `{key}`"), fix);
    }
    fact
}

fn read_dn(fields: &mut Fields<'_>, text: &Spanned<String>) -> Option<DistinguishedName> {
    let name = DistinguishedName::parse(&text.value).map_err(|error| error.to_string());
    let name = name.and_then(|name| if name.is_empty() { Err("it is empty".to_owned()) } else { Ok(name) });
    name.map_err(|why| {
        let what = format!("this is no distinguished name: {why}");
        fields.problem(text.referenced, what, "write it as `CN=name,O=organisation,C=XX`, commas in values as `\\,`");
    })
    .ok()
}

fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.chars().filter(|next| *next != ':').collect();
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let from = at.checked_mul(2)?;
        *byte = u8::from_str_radix(digits.get(from..from.checked_add(2)?)?, 16).ok()?;
    }
    Some(bytes)
}

/// The facts of all principals.
#[derive(Default)]
pub(super) struct Facts<'a>(HashMap<&'a Fact, Vec<Owner<'a>>>);

/// Who a fact stands for.
struct Owner<'a> {
    principal: &'a str,
    found: &'a Match,
}

impl<'a> Facts<'a> {
    /// Gives a fact to a principal, if nobody has it.
    pub(super) fn add(&mut self, problems: &mut Problems, principal: &'a str, found: &'a Match) {
        let owners = self.0.entry(&found.fact).or_default();
        let issuer = &found.issuer;
        let meets =
            |other: &&Owner<'_>| other.found.issuer.is_none() || issuer.is_none() || other.found.issuer == *issuer;
        if let Some(other) = owners.iter().find(meets) {
            let what = format!("this certificate already belongs to `{}`, at {}", other.principal, other.found.place);
            let fix = "give each principal a certificate of its own, or pin the `issuer` of both";
            problems.add(Some(found.place.clone()), what, fix);
            return;
        }
        owners.push(Owner { principal, found });
    }

    /// Who is meant by each fact.
    pub(super) fn holders(self) -> HashMap<Fact, Vec<Holder>> {
        let holder =
            |owner: Owner<'_>| Holder { issuer: owner.found.issuer.clone(), principal: owner.principal.into() };
        let holders = |owners: Vec<Owner<'_>>| owners.into_iter().map(holder).collect();
        self.0.into_iter().map(|(fact, owners)| (fact.clone(), holders(owners))).collect()
    }
}
