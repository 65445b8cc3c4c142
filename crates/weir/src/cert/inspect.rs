//! `weir cert inspect`: what a PEM file holds, as Weir reads it.
//!
//! Must never: show a private key, or say of a certificate that it is somebody where a serving Weir would not.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;
use weir_pki::inspect::{CertificateFacts, CrlFacts, Item, KeyFacts, RequestFacts};
use weir_policy::{PeerFacts, Policy};
use weir_server::tls::{certificate_facts_of_pem, distinguished_name};

use super::told::{instant, minute, plain};
use super::{Done, PolicyPlace, files};

/// A file to look at.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Certificates, requests (CSR), revocation lists or keys in PEM.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: PolicyPlace,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

pub(super) fn inspect(order: &Inspect) -> Done {
    let text = files::read(&order.file)?;
    let items = weir_pki::inspect::read(&text).map_err(|error| format!("{}: {error}", order.file.display()))?;
    let policy = if order.place.is_given() { Some(order.place.read()?.policy) } else { None };
    let peers = certificate_facts_of_pem(text.as_bytes()).unwrap_or_default();
    let mut peers = peers.into_iter().map(|facts| facts.peer);
    let now = OffsetDateTime::now_utc();
    let looked: Vec<Looked> = items
        .iter()
        .map(|item| {
            let is_certificate = matches!(item, Item::Certificate(_));
            let peer = if is_certificate { peers.next() } else { None };
            Looked::at(item, peer.as_ref().zip(policy.as_ref()), now)
        })
        .collect();
    if order.json {
        let items: Vec<Value> = looked.into_iter().map(|looked| looked.json).collect();
        println!("{}", json!({"items": items}));
    } else {
        let texts: Vec<String> = looked.into_iter().map(|looked| looked.text).collect();
        print!("{}", texts.join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// One block, told twice.
struct Looked {
    text: String,
    json: Value,
}

impl Looked {
    fn at(item: &Item, whose: Option<(&PeerFacts, &Policy)>, now: OffsetDateTime) -> Self {
        match item {
            Item::Certificate(facts) => certificate(facts, whose, now),
            Item::Request(facts) => request(facts),
            Item::RevocationList(facts) => revocation_list(facts),
            Item::Key(facts) => key(facts),
        }
    }

    /// `kind` and its lines, each a word and what it is.
    fn new(kind: &str, lines: &[(&str, String)], json: Value) -> Self {
        let lines: String = lines
            .iter()
            .filter(|(_, what)| !what.is_empty())
            .map(|(word, what)| format!("  {:<12} {}\n", word, plain(what)))
            .collect();
        Self { text: format!("{kind}\n{lines}"), json }
    }
}

fn certificate(facts: &CertificateFacts, whose: Option<(&PeerFacts, &Policy)>, now: OffsetDateTime) -> Looked {
    let whose = whose.filter(|_| !facts.is_ca).map(|(peer, policy)| Whose::ask(peer, policy));
    let (subject, issuer) = (name(&facts.subject), name(&facts.issuer));
    let standing = match now {
        now if now > facts.not_after => "expired",
        now if now < facts.not_before => "not yet valid",
        _ => "valid now",
    };
    let dates = format!("{} to {}, {standing}", minute(facts.not_before), minute(facts.not_after));
    let lines = [
        ("subject", subject.clone()),
        ("issuer", issuer.clone()),
        ("serial", facts.serial.as_str().to_owned()),
        ("valid", dates),
        ("names", facts.alternative_names.join(", ")),
        ("usages", facts.usages.join(", ")),
        ("key", facts.key.clone()),
        ("sha256", facts.fingerprint_sha256.clone()),
        ("principal", whose.as_ref().map(Whose::words).unwrap_or_default()),
    ];
    let json = json!({
        "kind": "certificate",
        "is_ca": facts.is_ca,
        "subject": subject,
        "issuer": issuer,
        "serial": facts.serial.as_str(),
        "not_before": instant(facts.not_before),
        "not_after": instant(facts.not_after),
        "standing": standing.replace(' ', "-").replace("valid-now", "valid"),
        "alternative_names": facts.alternative_names,
        "usages": facts.usages,
        "key": facts.key,
        "fingerprint_sha256": facts.fingerprint_sha256,
        "public_key_sha256": facts.public_key_sha256,
        "principal": whose.as_ref().and_then(|whose| whose.principal.clone()),
        "refused": whose.as_ref().and_then(|whose| whose.refused.clone()),
    });
    Looked::new(if facts.is_ca { "certificate of a CA" } else { "certificate" }, &lines, json)
}

/// Whom the policy takes a certificate for.
struct Whose {
    principal: Option<String>,
    /// Why Weir would close the connection, whoever vouches for the certificate.
    refused: Option<String>,
}

impl Whose {
    fn ask(peer: &PeerFacts, policy: &Policy) -> Self {
        let principal = policy.holder(peer).ok().map(|principal| principal.name.clone());
        Self { principal, refused: policy.identify(peer).err().map(|reason| reason.to_string()) }
    }

    fn words(&self) -> String {
        match (&self.principal, &self.refused) {
            (Some(principal), None) => principal.clone(),
            (Some(principal), Some(refused)) => format!("{principal}, refused: {refused}"),
            (None, refused) => format!("nobody: {}", refused.as_deref().unwrap_or_default()),
        }
    }
}

fn request(facts: &RequestFacts) -> Looked {
    let subject = name(&facts.subject);
    let signed = if facts.is_signed { "with its own key" } else { "wrongly: its signature does not fit" };
    let lines = [
        ("subject", subject.clone()),
        ("key", facts.key.clone()),
        ("signed", signed.to_owned()),
        ("asks for", facts.asks.join("; ")),
    ];
    let json = json!({
        "kind": "request",
        "subject": subject,
        "key": facts.key,
        "public_key_sha256": facts.public_key_sha256,
        "is_signed": facts.is_signed,
        "asks": facts.asks,
    });
    Looked::new("request", &lines, json)
}

fn revocation_list(facts: &CrlFacts) -> Looked {
    let issuer = name(&facts.issuer);
    let next = facts.next_update.map_or("never: it does not say".to_owned(), minute);
    let number = facts.number.as_ref().map(|number| number.as_str().to_owned());
    let mut lines = vec![
        ("issuer", issuer.clone()),
        ("number", number.clone().unwrap_or_else(|| "none".to_owned())),
        ("made", minute(facts.this_update)),
        ("next is due", next),
    ];
    let revoked = facts.revoked.iter();
    lines.extend(revoked.map(|line| {
        let why = line.cause.as_deref().map(|why| format!(", {why}")).unwrap_or_default();
        ("revoked", format!("{}, {}{why}", line.serial.as_str(), minute(line.at)))
    }));
    let revoked: Vec<Value> = facts
        .revoked
        .iter()
        .map(|line| json!({"serial": line.serial.as_str(), "at": instant(line.at), "cause": line.cause}))
        .collect();
    let json = json!({
        "kind": "revocation-list",
        "issuer": issuer,
        "number": number,
        "this_update": instant(facts.this_update),
        "next_update": facts.next_update.map(instant),
        "revoked": revoked,
    });
    Looked::new("revocation list", &lines, json)
}

fn key(facts: &KeyFacts) -> Looked {
    let kind = facts.key.clone().unwrap_or_else(|| "encrypted".to_owned());
    let public = facts.public_key_sha256.clone().unwrap_or_default();
    let json = json!({
        "kind": "key",
        "key": facts.key,
        "is_encrypted": facts.is_encrypted,
        "public_key_sha256": facts.public_key_sha256,
    });
    Looked::new("private key", &[("key", kind), ("public", public)], json)
}

/// A name as Weir reads it.
fn name(der: &[u8]) -> String {
    distinguished_name(der).map_or_else(
        || "no name with a safe reading; no rule that looks at it matches".to_owned(),
        |name| name.to_string(),
    )
}
