//! `weir cert issue` and `weir cert sign`: a certificate for a principal, with a key made here or at its holder.
//!
//! Must never: write a certificate that the policy does not take for the principal, or a key that nobody was to have.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use weir_pki::{CaDirectory, Entry};

use super::files::{self, Reserved, Written};
use super::subject::{Meant, Names};
use super::{Ca, Decided, Done, Kind, PolicyPlace, told};

/// Whom a certificate is for, and where it goes.
#[derive(Debug, Args)]
pub(super) struct Whole {
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    place: PolicyPlace,
    #[command(flatten)]
    ca: Ca,
    #[command(flatten)]
    decided: Decided,
    /// The directory for what is written; it is made where it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the files are called; without it the name of the principal.
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// A certificate with a new key.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// The principal's name in the policy.
    #[arg(value_name = "PRINCIPAL", required_unless_present = "cn")]
    principal: Option<String>,
    #[command(flatten)]
    whole: Whole,
    #[command(flatten)]
    kind: Kind,
}

/// A certificate for the key of a request.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The request (CSR) in PEM, as `weir cert csr` or openssl makes it.
    #[arg(value_name = "CSR")]
    request: PathBuf,
    /// The principal's name in the policy.
    #[arg(long, value_name = "NAME", required_unless_present = "cn")]
    principal: Option<String>,
    #[command(flatten)]
    whole: Whole,
    /// For how many days it is valid; 180 without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=3_650))]
    days: Option<i64>,
}

pub(super) fn issue(order: &Issue) -> Done {
    let prepared = Prepared::new(&order.whole, order.principal.as_deref(), true)?;
    let mut ca = order.whole.ca.unlock()?;
    let issued = ca.issue_client(&prepared.meant.subject, order.kind.terms(), &order.whole.decided.by()?)?;
    prepared.finish(
        &order.whole,
        ca.directory(),
        Got {
            entry: &issued.entry,
            certificate_pem: &issued.issued.certificate_pem,
            chain_pem: &issued.issued.chain_pem,
            key_pem: Some(&issued.issued.key_pem),
            dropped: &[],
        },
    )
}

pub(super) fn sign(order: &Sign) -> Done {
    let request = files::read(&order.request)?;
    let prepared = Prepared::new(&order.whole, order.principal.as_deref(), false)?;
    let mut ca = order.whole.ca.unlock()?;
    let terms = weir_pki::Terms { days: order.days, ..weir_pki::Terms::default() };
    let signed = ca.sign_client(&request, &prepared.meant.subject, terms, &order.whole.decided.by()?)?;
    prepared.finish(
        &order.whole,
        ca.directory(),
        Got {
            entry: &signed.entry,
            certificate_pem: &signed.certificate_pem,
            chain_pem: &signed.chain_pem,
            key_pem: None,
            dropped: &signed.dropped,
        },
    )
}

/// What is settled before the CA does anything.
struct Prepared {
    meant: Meant,
    reserved: Reserved,
}

/// What the CA made.
struct Got<'a> {
    entry: &'a Entry,
    certificate_pem: &'a str,
    chain_pem: &'a str,
    key_pem: Option<&'a str>,
    dropped: &'a [String],
}

impl Prepared {
    fn new(whole: &Whole, principal: Option<&str>, with_key: bool) -> Result<Self, Box<dyn Error>> {
        whole.decided.by()?;
        let meant = Meant::find(principal, &whole.names, &whole.place, &whole.ca.open()?)?;
        let name = whole.file.as_deref().unwrap_or(meant.name());
        let reserved = Reserved::take(&whole.out, name, with_key)?;
        Ok(Self { meant, reserved })
    }

    fn finish(self, whole: &Whole, ca: &CaDirectory, got: Got<'_>) -> Done {
        let serial = got.entry.serial.as_str();
        let handed_over =
            self.meant.confirm(got.certificate_pem).and_then(|()| self.reserved.write(got.chain_pem, got.key_pem));
        let written = handed_over.map_err(|error| {
            format!("{error}\nthe certificate stands in the index and nobody has it: revoke it, serial {serial}")
        })?;
        tell(&self.meant, &got, &written, whole.json);
        remarks(ca);
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(meant: &Meant, got: &Got<'_>, written: &Written, as_json: bool) {
    let principal = meant.principal.as_ref();
    if as_json {
        let told = json!({
            "certificate": told::entry(got.entry, OffsetDateTime::now_utc()),
            "principal": principal.map(|principal| &principal.name),
            "by": principal.map(|principal| &principal.by),
            "suspended": principal.is_some_and(|principal| principal.is_suspended),
            "files": told::written(written),
            "dropped": got.dropped,
        });
        println!("{told}");
        return;
    }
    println!("{}", told::line(got.entry));
    match principal {
        Some(principal) => println!("it is the principal `{}`, by `{}`", principal.name, principal.by),
        None => println!("no policy was looked at: `weir cert inspect FILE -c weir.yaml` says whose it is"),
    }
    print!("{}", told::written_lines(written));
    for dropped in got.dropped {
        eprintln!("note: {}", told::plain(dropped));
    }
    if principal.is_some_and(|principal| principal.is_suspended) {
        eprintln!("note: the principal is suspended now; the certificate counts when it is resumed");
    }
}

/// What somebody who uses a CA should know.
pub(super) fn remarks(ca: &CaDirectory) {
    for remark in ca.remarks(OffsetDateTime::now_utc()) {
        eprintln!("note: {remark}");
    }
}
