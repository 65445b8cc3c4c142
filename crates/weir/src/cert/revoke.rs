//! `weir cert revoke`: ends a certificate before its time, for good.
//!
//! Must never: revoke more than was meant.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;
use time::OffsetDateTime;
use weir_pki::RevocationCause;

use super::{Ca, Decided, Done, authority, renew, told};

/// A certificate to revoke.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The common name or the serial number of a certificate.
    #[arg(value_name = "NAME|SERIAL")]
    which: String,
    /// All live certificates with this name, where there are several.
    #[arg(long)]
    all: bool,
    /// Why. `key-compromise`: somebody else has, or may have, the key.
    #[arg(long, value_parser = causes())]
    reason: RevocationCause,
    #[command(flatten)]
    ca: Ca,
    #[command(flatten)]
    decided: Decided,
    /// Put the new list here, too, by renaming: a file that `client_crl` names.
    #[arg(long, value_name = "FILE")]
    publish: Option<PathBuf>,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

fn causes() -> impl TypedValueParser<Value = RevocationCause> {
    let names = PossibleValuesParser::new(RevocationCause::ALL.map(RevocationCause::name));
    names.try_map(|name| RevocationCause::from_name(&name).ok_or("no reason has this name"))
}

pub(super) fn revoke(order: &Revoke) -> Done {
    let by = order.decided.by()?;
    let mut ca = order.ca.unlock()?;
    let which = renew::which(&order.which, ca.directory());
    let revoked = ca.revoke(which, order.all, order.reason, &by)?;
    if order.json {
        let now = OffsetDateTime::now_utc();
        let entries: Vec<_> = revoked.entries.iter().map(|entry| told::entry(entry, now)).collect();
        println!("{}", json!({"revoked": entries, "list": told::list(&revoked.crl)}));
    } else {
        for entry in &revoked.entries {
            println!("{}: serial {} is revoked", told::plain(&entry.name), entry.serial.as_str());
        }
        println!("{}", told::list_line(&revoked.crl));
    }
    authority::publish(&revoked.crl, order.publish.as_ref())?;
    if order.publish.is_none() {
        eprintln!("note: it takes effect when this list is where `client_crl` of Weir's listeners says");
    }
    authority::remarks(&ca);
    Ok(ExitCode::SUCCESS)
}
