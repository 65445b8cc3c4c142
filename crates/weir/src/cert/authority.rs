//! `weir cert init`, `install` and `crl`: a CA's own files.
//!
//! Must never: replace a CA, or take a passphrase from an argument.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use weir_pki::{Above, CaDirectory, CaSigner, Created, CrlFile, NewAuthority};

use super::{Ca, Done, Noted, files, issue, key_kind, published, secret, told};

/// A new CA.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory of the new CA: one that is not there, or empty.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// What it is called in every certificate, such as `Example Weir clients CA`.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Its organisation.
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
    /// An intermediate: the CA directory that signs it.
    #[arg(long, value_name = "DIR", conflicts_with = "external_root")]
    intermediate_of: Option<PathBuf>,
    /// An intermediate of a CA that is not here: `ca.csr` is to be signed there, and `weir cert install` takes the answer.
    #[arg(long)]
    external_root: bool,
    /// An RSA key with 3,072 bits instead of ECDSA P-256.
    #[arg(long)]
    rsa: bool,
    /// For how many days it is valid: without it ten years for a root, five for an intermediate.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_950))]
    days: Option<i64>,
    /// Encrypt its key, with a passphrase that is asked for, or that of `--passphrase-file`.
    #[arg(long)]
    encrypt: bool,
    /// The file with the passphrase of the new key.
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    passphrase_file: Option<PathBuf>,
    /// The file with the passphrase of the key that signs, for `--intermediate-of`.
    #[arg(long, value_name = "FILE", requires = "intermediate_of")]
    issuer_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    noted: Noted,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// The answer of an external root.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The certificate for `ca.csr` in PEM, then those above it; the root may be the last.
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    #[command(flatten)]
    ca: Ca,
    #[command(flatten)]
    noted: Noted,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// A new revocation list.
#[derive(Debug, Args)]
pub(crate) struct Crl {
    #[command(flatten)]
    ca: Ca,
    /// In how many days the next one is due; 30 without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=365))]
    days: Option<i64>,
    /// Put it here, too, by renaming: a file that `client_crl` names.
    #[arg(long, value_name = "FILE")]
    publish: Option<PathBuf>,
    #[command(flatten)]
    noted: Noted,
    /// One JSON object instead of a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn init(order: &Init) -> Done {
    let by = order.noted.by()?;
    let mut issuer = match &order.intermediate_of {
        Some(issuer) => Some(secret::unlock(CaDirectory::open(issuer)?, order.issuer_passphrase_file.as_deref())?),
        None => None,
    };
    let above = match &mut issuer {
        Some(signer) => Above::Local(signer),
        None if order.external_root => Above::External,
        None => Above::Nothing,
    };
    let passphrase = match order.encrypt {
        true => Some(secret::new(order.passphrase_file.as_deref())?),
        false => None,
    };
    let new = NewAuthority {
        common_name: &order.name,
        organisation: order.organisation.as_deref(),
        key: key_kind(order.rsa),
        passphrase: passphrase.as_deref(),
        days: order.days,
        above,
    };
    match CaDirectory::create(&order.ca, new, &by)? {
        Created::Ready(made) => tell(&made, order.encrypt, order.json),
        Created::AwaitsCertificate { request } => tell_request(order, &request),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn install(order: &Install) -> Done {
    let by = order.noted.by()?;
    let chain = files::read(&order.chain)?;
    let passphrase = secret::of_key(&order.ca.ca, order.ca.passphrase_file.as_deref())?;
    let installed = CaDirectory::install(&order.ca.ca, &chain, passphrase.as_deref(), &by)?;
    tell(&installed, passphrase.is_some(), order.json);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn crl(order: &Crl) -> Done {
    let by = order.noted.by()?;
    let mut ca = order.ca.unlock()?;
    let list = ca.publish_crl(order.days, &by)?;
    publish(&list, order.publish.as_ref())?;
    if order.json {
        println!("{}", told::list(&list));
    } else {
        println!("{}", told::list_line(&list));
    }
    remarks(&ca);
    Ok(ExitCode::SUCCESS)
}

/// Puts a list where Weir reads it.
pub(super) fn publish(list: &CrlFile, to: Option<&PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let Some(to) = to else { return Ok(()) };
    let mut text = files::read(&list.path)?;
    loop {
        let is_published = published::put(&text, to)
            .map_err(|error| format!("{} has the new list, and Weir does not see it: {error}", list.path.display()))?;
        // Somebody else may have made a newer one meanwhile: who writes last sees it.
        let newest = files::read(&list.path)?;
        if newest != text {
            text = newest;
        } else if is_published {
            return Ok(());
        } else {
            let (list, to) = (list.path.display(), to.display());
            return Err(format!(
                "{to} has a newer list of this CA than {list}, whose directory is an older one, from a backup: nothing \
                 is published; run `cp {to} {list}`, then `weir cert crl` with the same `--publish`: the new list \
                 names what that one does"
            )
            .into());
        }
    }
}

pub(super) fn remarks(ca: &CaSigner) {
    issue::remarks(ca.directory());
}

fn tell(ca: &CaDirectory, is_encrypted: bool, as_json: bool) {
    let at = |file: &str| ca.path().join(file);
    if as_json {
        let told = json!({
            "directory": ca.path(),
            "certificate": at("ca.pem"),
            "not_after": told::instant(ca.facts().not_after),
            "encrypted": is_encrypted,
            "list": ca.crl().as_ref().map(told::list),
        });
        println!("{told}");
        return;
    }
    let how = if is_encrypted { "encrypted" } else { "in the clear, for its owner alone" };
    println!("{}: the CA's certificate, valid until {}", at("ca.pem").display(), told::day(ca.facts().not_after));
    println!("{}: its key, {how}; back it up, and keep it off the machine that serves", at("ca.key").display());
    if let Some(list) = ca.crl() {
        println!("{}", told::list_line(&list));
    }
}

fn tell_request(order: &Init, request: &Path) {
    if order.json {
        println!("{}", json!({"directory": order.ca, "request": request, "encrypted": order.encrypt}));
        return;
    }
    println!("{}: have it signed as a CA (CA:TRUE, keyCertSign, cRLSign)", request.display());
    println!("then: weir cert install CHAIN --ca {}", order.ca.display());
}
