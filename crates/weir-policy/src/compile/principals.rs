//! `principals/*.yaml`: one file for each principal.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::catalogue::ReadCatalogue;
use super::certificate::{self, Facts, RawMatch};
use super::fields::{Fields, Text};
use super::grants::{self, Interner, RawGrant};
use super::never::ReadNever;
use super::plain::given;
use super::tiers::ReadTiers;
use crate::identity::{Fact, Holder};
use crate::problem::{Place, Problems};
use crate::yaml::read_yaml;
use crate::{Namespace, PolicyOptions, Principal, SourceFile, Tier};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrincipal {
    principal: Text,
    /// The certificates that are this principal: each one fact, and the CA where it matters.
    certificate: Option<Spanned<Vec<Spanned<RawMatch>>>>,
    /// What keeps its groups apart. Changing it loses the offsets of its groups.
    namespace: Text,
    tier: Text,
    /// What it may read.
    read: Option<Vec<Spanned<RawGrant>>>,
    /// Where it may connect from; left out for anywhere.
    #[serde(default, deserialize_with = "given")]
    cidrs: Option<Spanned<Vec<Spanned<String>>>>,
    contact: Text,
    /// The day on which the grants are to be looked at again.
    review_by: Text,
}

/// What principals are held against; nothing for a file that cannot be read.
pub(super) struct Known<'a> {
    pub(super) options: &'a PolicyOptions,
    pub(super) never: Option<&'a ReadNever>,
    pub(super) catalogue: Option<&'a ReadCatalogue>,
    pub(super) tiers: Option<&'a ReadTiers>,
}

/// What no two principals may share.
#[derive(Default)]
struct Taken {
    names: HashMap<String, Place>,
    namespaces: HashMap<Namespace, Place>,
    facts: Facts,
    interner: Interner,
}

/// The principals by name, and the facts that stand for them.
pub(super) type ReadPrincipals = (HashMap<String, Arc<Principal>>, HashMap<Fact, Vec<Holder>>);

pub(super) fn read(sources: &[SourceFile], known: &Known<'_>, problems: &mut Problems) -> ReadPrincipals {
    let mut taken = Taken::default();
    let mut principals = HashMap::new();
    for source in sources {
        match read_yaml(source) {
            Ok(raw) => {
                let mut fields = Fields { source, problems };
                if let Some(principal) = read_principal(&mut fields, known, &mut taken, raw) {
                    principals.insert(principal.name.clone(), principal);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    let holders = taken.facts.into_holders(&principals);
    (principals, holders)
}

fn read_principal(
    fields: &mut Fields<'_>,
    known: &Known<'_>,
    taken: &mut Taken,
    raw: RawPrincipal,
) -> Option<Arc<Principal>> {
    let top = Location::UNKNOWN;
    let name = read_name(fields, taken, raw.principal);
    let namespace = read_namespace(fields, taken, raw.namespace);
    let tier = read_tier(fields, known.tiers, raw.tier);
    let contact = fields.text(top, "contact", raw.contact);
    let review_by = fields.date(top, "review_by", raw.review_by);
    let cidrs = raw.cidrs.map_or_else(Vec::new, |cidrs| read_cidrs(fields, cidrs));
    let read = fields.required(top, "read", raw.read).unwrap_or_default();
    let grants = grants::read(fields, known.catalogue, known.never, &mut taken.interner, read);
    let matches = read_matches(fields, known, raw.certificate);
    for found in matches {
        taken.facts.add(fields, name.as_deref().unwrap_or("a principal without a name"), found);
    }
    Some(Arc::new(Principal {
        name: name?,
        namespace: namespace?,
        tier: tier?,
        cidrs,
        contact: contact?,
        review_by: review_by?,
        group_mode: known.options.groups,
        grants,
    }))
}

fn read_name(fields: &mut Fields<'_>, taken: &mut Taken, raw: Text) -> Option<String> {
    let name = fields.name(Location::UNKNOWN, "principal", raw)?;
    let place = fields.place(name.referenced);
    if let Some(first) = taken.names.insert(name.value.clone(), place) {
        let what = format!("the principal `{}` stands twice, first at {first}", name.value);
        fields.problem(name.referenced, what, "give one of them another name");
    }
    Some(name.value)
}

fn read_namespace(fields: &mut Fields<'_>, taken: &mut Taken, raw: Text) -> Option<Namespace> {
    let raw = fields.required(Location::UNKNOWN, "namespace", raw)?;
    let Some(namespace) = Namespace::new(&raw.value) else {
        let what = format!("`{}` is no namespace", raw.value.escape_debug());
        let fix = "write 1 to 63 lower-case letters, digits or dashes, but not `weir`";
        fields.problem(raw.referenced, what, fix);
        return None;
    };
    let place = fields.place(raw.referenced);
    if let Some(first) = taken.namespaces.insert(namespace.clone(), place) {
        let what = format!("the namespace `{namespace}` stands twice, first at {first}");
        fields.problem(raw.referenced, what, "give the newer principal another one");
    }
    Some(namespace)
}

fn read_tier(fields: &mut Fields<'_>, tiers: Option<&ReadTiers>, raw: Text) -> Option<Arc<Tier>> {
    let raw = fields.required(Location::UNKNOWN, "tier", raw)?;
    let tiers = tiers?;
    if let Some(tier) = tiers.get(&raw.value) {
        return tier.clone();
    }
    let mut names: Vec<_> = tiers.keys().map(|name| format!("`{name}`")).collect();
    names.sort_unstable();
    let what = format!("there is no tier `{}`", raw.value.escape_debug());
    fields.problem(raw.referenced, what, format!("the tiers are {}", names.join(", ")));
    None
}

fn read_matches(
    fields: &mut Fields<'_>,
    known: &Known<'_>,
    raw: Option<Spanned<Vec<Spanned<RawMatch>>>>,
) -> Vec<certificate::Match> {
    let Some(raw) = fields.required(Location::UNKNOWN, "certificate", raw) else { return Vec::new() };
    if raw.value.is_empty() {
        fields.problem(raw.referenced, "no certificate is this principal", "list a match, such as `- cn: name`");
    }
    raw.value.into_iter().filter_map(|raw| certificate::read(fields, &known.options.identity, raw)).collect()
}

fn read_cidrs(fields: &mut Fields<'_>, raw: Spanned<Vec<Spanned<String>>>) -> Vec<IpNet> {
    if raw.value.is_empty() {
        let fix = "list the networks, or leave the key out to allow any address";
        fields.problem(raw.referenced, "`cidrs` is empty", fix);
    }
    let mut nets = Vec::new();
    for raw in raw.value {
        match read_cidr(&raw.value) {
            Ok(net) => nets.push(net),
            Err(fix) => {
                let what = format!("`{}` is no network", raw.value.escape_debug());
                fields.problem(raw.referenced, what, fix);
            }
        }
    }
    nets
}

/// The network, or what to write instead.
fn read_cidr(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Err(format!("write `{}`", IpNet::from(address)));
    }
    let net: IpNet = text.parse().map_err(|_| "write it as 192.0.2.0/24 or 2001:db8::/32".to_owned())?;
    if net.trunc() != net {
        return Err(format!("write `{}`", net.trunc()));
    }
    match net {
        IpNet::V6(v6) if v6.network().to_ipv4_mapped().is_some() => Err("write the IPv4 network".to_owned()),
        net => Ok(net),
    }
}
