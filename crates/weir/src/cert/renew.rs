//! `weir cert renew`: a second certificate with the names of the first, while the first goes on working.
//!
//! Must never: end the first, or write a second that the policy takes for somebody else.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use weir_pki::{CaDirectory, Entry, Purpose, Which};
use weir_policy::Policy;
use weir_server::tls::certificate_facts_of_pem;

use super::files::{self, Reserved, Written};
use super::{Ca, Decided, Done, Kind, PolicyPlace, issue, told};

/// A certificate to continue.
#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The common name or the serial number of a certificate. Of several with one name, that which ends last.
    #[arg(value_name = "NAME|SERIAL")]
    which: String,
    /// The request (CSR) with the new key, where its holder has made one. Without it a key is made here.
    #[arg(long, value_name = "CSR", conflicts_with = "rsa")]
    request: Option<PathBuf>,
    #[command(flatten)]
    place: PolicyPlace,
    #[command(flatten)]
    ca: Ca,
    #[command(flatten)]
    decided: Decided,
    #[command(flatten)]
    kind: Kind,
    /// The directory for what is written; it is made where it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the files are called; without it the common name.
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

pub(super) fn renew(order: &Renew) -> Done {
    let by = order.decided.by()?;
    let request = order.request.as_deref().map(files::read).transpose()?;
    let ca = order.ca.open()?;
    let which = which(&order.which, &ca);
    let before = continued(which, &ca)?;
    let holder = Holder::of(&before, &ca, &order.place)?;
    let reserved = Reserved::take(&order.out, order.file.as_deref().unwrap_or(&before.name), request.is_none())?;
    let mut ca = order.ca.unlock()?;
    let (entry, chain, key, dropped) = match &request {
        Some(request) => {
            let signed = ca.renew_signed(which, request, order.kind.terms(), &by)?;
            (signed.entry, signed.chain_pem, None, signed.dropped)
        }
        None => {
            let issued = ca.renew(which, order.kind.terms(), &by)?;
            (issued.entry, issued.issued.chain_pem, Some(issued.issued.key_pem), Vec::new())
        }
    };
    let handed_over = holder.confirm(&chain).and_then(|()| reserved.write(&chain, key.as_deref()));
    let written = handed_over.map_err(|error| {
        let serial = entry.serial.as_str();
        format!("{error}\nthe certificate stands in the index and nobody has it: revoke it, serial {serial}")
    })?;
    tell(&before, &entry, &holder, &written, order.json);
    for dropped in &dropped {
        eprintln!("note: {}", told::plain(dropped));
    }
    issue::remarks(ca.directory());
    Ok(ExitCode::SUCCESS)
}

/// A name that the index has is meant as one, and what no serial number looks like; anything else is a serial number.
pub(super) fn which<'a>(text: &'a str, ca: &CaDirectory) -> Which<'a> {
    // The serial number first: a name that somebody asked for can look like one, never the other way round.
    let looks_like_serial = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let is_name =
        ca.find(Which::Serial(text)).is_empty() && !(looks_like_serial && ca.find(Which::Name(text)).is_empty());
    if is_name { Which::Name(text) } else { Which::Serial(text) }
}

/// The certificate that is continued, as `CaSigner::renew` chooses it.
fn continued(which: Which<'_>, ca: &CaDirectory) -> Result<Entry, Box<dyn Error>> {
    let good = ca.find(which).into_iter().filter(|entry| entry.revocation.is_none());
    let last = good.max_by_key(|entry| entry.not_after).cloned();
    last.ok_or_else(|| {
        let place = ca.path().display();
        format!("{place} has no such certificate that is not revoked; `weir cert list --ca {place} --all` shows all")
            .into()
    })
}

/// Who the certificate is, where a policy was named.
struct Holder(Option<(Policy, String)>);

impl Holder {
    fn of(entry: &Entry, ca: &CaDirectory, place: &PolicyPlace) -> Result<Self, Box<dyn Error>> {
        if !place.is_given() || entry.purpose != Purpose::Client {
            return Ok(Self(None));
        }
        let policy = place.read()?.policy;
        let name = holder(&policy, &files::read(&ca.file_of(entry))?)
            .map_err(|why| format!("{why}; issue a new one with `weir cert issue PRINCIPAL` instead"))?;
        Ok(Self(Some((policy, name))))
    }

    /// The new certificate is the same principal's.
    fn confirm(&self, pem: &str) -> Result<(), Box<dyn Error>> {
        let Some((policy, name)) = &self.0 else { return Ok(()) };
        match holder(policy, pem)? {
            other if other == *name => Ok(()),
            other => Err(format!("the new certificate would be `{other}`'s, and the old one is `{name}`'s").into()),
        }
    }
}

fn holder(policy: &Policy, pem: &str) -> Result<String, Box<dyn Error>> {
    let facts = certificate_facts_of_pem(pem.as_bytes())?.into_iter().next().ok_or("there is no certificate")?;
    let holder =
        policy.holder(&facts.peer).map_err(|reason| format!("the policy refuses this certificate: {reason}"))?;
    Ok(holder.name.clone())
}

fn tell(before: &Entry, entry: &Entry, holder: &Holder, written: &Written, as_json: bool) {
    let principal = holder.0.as_ref().map(|(_, name)| name);
    if as_json {
        let now = OffsetDateTime::now_utc();
        let told = json!({
            "certificate": told::entry(entry, now),
            "continues": told::entry(before, now),
            "principal": principal,
            "files": told::written(written),
        });
        println!("{told}");
        return;
    }
    println!("{}", told::line(entry));
    if let Some(principal) = principal {
        println!("it is the principal `{principal}`, as the one before");
    }
    print!("{}", told::written_lines(written));
    let (serial, until) = (before.serial.as_str(), told::minute(before.not_after));
    println!("the one before, serial {serial}, works until {until}, or until it is revoked");
}
