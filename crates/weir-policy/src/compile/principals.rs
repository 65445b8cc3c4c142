//! `principals/*.yaml`: one file for each principal, read on its own and then held against the others.
//!
//! Must never: let two principals share a name, a namespace or a fact of a certificate.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::catalogue::ReadCatalogue;
use super::certificate::{self, Facts, Match, RawMatch};
use super::fields::{Fields, Text};
use super::grants::{self, Interner, RawGrant};
use super::limits::RawLimits;
use super::never::ReadNever;
use super::plain::given;
use super::tiers::ReadTiers;
use crate::problem::{Place, Problem, Problems};
use crate::yaml::read_yaml;
use crate::{Limits, Namespace, PolicyOptions, Principal, SourceFile, Tier};

#[derive(Clone, Debug, Deserialize)]
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
    /// Limits in the place of its tier's.
    #[serde(default, deserialize_with = "given")]
    limits: Option<RawLimits>,
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

/// One principal's file, read on its own: what it says of others is not looked at yet.
#[derive(Debug, Default)]
pub(super) struct ReadPrincipal {
    principal: Option<Arc<Principal>>,
    name: Option<(String, Place)>,
    namespace: Option<(Namespace, Place)>,
    matches: Vec<Match>,
    problems: Vec<Problem>,
}

/// The files of principals as they were read last, in the order of then.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: Vec<PrincipalSource>,
    interner: Interner,
}

#[derive(Debug)]
struct PrincipalSource {
    path: String,
    text: Arc<str>,
    raw: Result<RawPrincipal, Problem>,
    /// Nothing where what it is held against has changed since.
    read: Option<Arc<ReadPrincipal>>,
}

impl Files {
    /// What principals are held against has changed.
    pub(super) fn hold_again(&mut self) {
        self.interner = Interner::default();
        self.files.iter_mut().for_each(|file| file.read = None);
    }

    /// Reads these files, those that did not change from memory; forgets all others.
    pub(super) fn read(&mut self, sources: &[SourceFile], known: &Known<'_>) -> Vec<Arc<ReadPrincipal>> {
        let pairs = self.files.iter().zip(sources);
        if self.files.len() != sources.len() || pairs.into_iter().any(|(file, source)| file.path != source.path) {
            self.arrange(sources);
        }
        let mut all = Vec::with_capacity(sources.len());
        for (file, source) in self.files.iter_mut().zip(sources) {
            if !Arc::ptr_eq(&file.text, &source.text) && file.text != source.text {
                *file = PrincipalSource::of(source);
            }
            let interner = &mut self.interner;
            let read = file.read.get_or_insert_with(|| Arc::new(read_one(source, &file.raw, known, interner)));
            all.push(Arc::clone(read));
        }
        self.interner.forget_unused();
        all
    }

    /// One file for each source, in their order.
    fn arrange(&mut self, sources: &[SourceFile]) {
        let named = std::mem::take(&mut self.files).into_iter().map(|file| (file.path.clone(), file));
        let mut before: HashMap<String, PrincipalSource> = named.collect();
        self.files = sources
            .iter()
            .map(|source| before.remove(&source.path).unwrap_or_else(|| PrincipalSource::of(source)))
            .collect();
    }
}

impl PrincipalSource {
    fn of(source: &SourceFile) -> Self {
        Self { path: source.path.clone(), text: Arc::clone(&source.text), raw: read_yaml(source), read: None }
    }
}

/// The principals by name.
pub(super) type Principals = HashMap<String, Arc<Principal>>;

/// What no two principals may share.
#[derive(Default)]
struct Taken<'a> {
    names: HashMap<&'a str, &'a Place>,
    namespaces: HashMap<&'a Namespace, &'a Place>,
    facts: Facts<'a>,
}

/// Whether these principals have the certificates that those had.
pub(super) fn same_certificates(these: &[Arc<ReadPrincipal>], those: &[Arc<ReadPrincipal>]) -> bool {
    let same = |(one, other): (&Arc<ReadPrincipal>, &Arc<ReadPrincipal>)| {
        Arc::ptr_eq(one, other) || (one.matches == other.matches && one.name == other.name)
    };
    these.len() == those.len() && these.iter().zip(those).all(same)
}

/// The principals that there were, with those whose file has changed; nothing where one of these has changed in what no
/// two may share, or there are others: then all must be held against each other. `before` had no problem.
pub(super) fn follow(
    read: &[Arc<ReadPrincipal>],
    (before, principals): (&[Arc<ReadPrincipal>], &Principals),
    problems: &mut Problems,
) -> Option<Principals> {
    let shares = |one: &ReadPrincipal, other: &ReadPrincipal| {
        one.name == other.name && one.namespace == other.namespace && one.matches == other.matches
    };
    let pairs = || read.iter().zip(before).filter(|(one, other)| !Arc::ptr_eq(one, other));
    if read.len() != before.len() || !pairs().all(|(one, other)| shares(one, other)) {
        return None;
    }
    let mut principals = principals.clone();
    for (changed, _) in pairs() {
        problems.extend(&changed.problems);
        if let Some(principal) = &changed.principal {
            principals.insert(principal.name.clone(), Arc::clone(principal));
        }
    }
    Some(principals)
}

/// Holds principals against each other: all of them by name, and who is meant by each fact of a certificate.
pub(super) fn together<'a>(read: &'a [Arc<ReadPrincipal>], problems: &mut Problems) -> (Principals, Facts<'a>) {
    let mut taken = Taken::default();
    let mut principals = HashMap::with_capacity(read.len());
    for read in read {
        problems.extend(&read.problems);
        if let Some((name, place)) = &read.name
            && let Some(first) = taken.names.insert(name, place)
        {
            let what = format!("the principal `{name}` stands twice, first at {first}");
            problems.add(Some(place.clone()), what, "give one of them another name");
        }
        if let Some((namespace, place)) = &read.namespace
            && let Some(first) = taken.namespaces.insert(namespace, place)
        {
            let what = format!("the namespace `{namespace}` stands twice, first at {first}");
            problems.add(Some(place.clone()), what, "give the newer principal another one");
        }
        let name = read.name.as_ref().map_or("a principal without a name", |(name, _)| name);
        for found in &read.matches {
            taken.facts.add(problems, name, found);
        }
        if let Some(principal) = &read.principal {
            principals.insert(principal.name.clone(), Arc::clone(principal));
        }
    }
    (principals, taken.facts)
}

fn read_one(
    source: &SourceFile,
    raw: &Result<RawPrincipal, Problem>,
    known: &Known<'_>,
    interner: &mut Interner,
) -> ReadPrincipal {
    let raw = match raw {
        Ok(raw) => raw.clone(),
        Err(problem) => return ReadPrincipal { problems: vec![problem.clone()], ..ReadPrincipal::default() },
    };
    let mut problems = Problems::default();
    let read = read_principal(&mut Fields { source, problems: &mut problems }, known, interner, raw);
    ReadPrincipal { problems: problems.into_vec(), ..read }
}

fn read_principal(
    fields: &mut Fields<'_>,
    known: &Known<'_>,
    interner: &mut Interner,
    raw: RawPrincipal,
) -> ReadPrincipal {
    let top = Location::UNKNOWN;
    let name = fields.name(top, "principal", raw.principal).map(|name| {
        let place = fields.place(name.referenced);
        (name.value, place)
    });
    let namespace = read_namespace(fields, raw.namespace);
    let tier = read_tier(fields, known.tiers, raw.tier);
    let contact = fields.text(top, "contact", raw.contact);
    let review_by = fields.date(top, "review_by", raw.review_by);
    let cidrs = raw.cidrs.map_or_else(Vec::new, |cidrs| read_cidrs(fields, cidrs));
    let read = fields.required(top, "read", raw.read).unwrap_or_default();
    let grants = grants::read(fields, known.catalogue, known.never, interner, read);
    let matches = read_matches(fields, known, raw.certificate);
    let limits = tier.as_ref().map(|tier| read_limits(fields, tier, known.options.nodes, raw.limits));
    let whole = (|| {
        Some(Principal {
            name: name.as_ref()?.0.clone(),
            namespace: namespace.as_ref()?.0.clone(),
            tier: tier?,
            limits: limits?,
            cidrs,
            contact: contact?,
            review_by: review_by?,
            group_mode: known.options.groups,
            grants,
        })
    })();
    ReadPrincipal { principal: whole.map(Arc::new), name, namespace, matches, problems: Vec::new() }
}

fn read_namespace(fields: &mut Fields<'_>, raw: Text) -> Option<(Namespace, Place)> {
    let raw = fields.required(Location::UNKNOWN, "namespace", raw)?;
    let Some(namespace) = Namespace::new(&raw.value) else {
        let what = format!("`{}` is no namespace", raw.value.escape_debug());
        let fix = "write 1 to 63 lower-case letters, digits or dashes, but not `weir`";
        fields.problem(raw.referenced, what, fix);
        return None;
    };
    Some((namespace, fields.place(raw.referenced)))
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

/// The tier's own value where nothing stands in its place: ten thousand principals share a few.
fn read_limits(fields: &mut Fields<'_>, tier: &Tier, nodes: NonZeroU32, raw: Option<RawLimits>) -> Arc<Limits> {
    let Some(raw) = raw else { return Arc::clone(&tier.share) };
    let mut limits = tier.limits.clone();
    raw.replace_in(fields, &mut limits);
    Arc::new(limits.of_one_in(nodes))
}

fn read_matches(
    fields: &mut Fields<'_>,
    known: &Known<'_>,
    raw: Option<Spanned<Vec<Spanned<RawMatch>>>>,
) -> Vec<Match> {
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
