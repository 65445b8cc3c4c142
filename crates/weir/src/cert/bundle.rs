//! `weir cert bundle`: all that one consumer needs, from the configuration, the policy and a certificate.
//!
//! Must never: hand out a certificate that the policy does not take for the principal, or issue one before all else is
//! known to be in order.

mod facts;
mod trust;
mod words;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use clap::{Args, ValueEnum};
use serde_json::json;
use weir_pki::CaDirectory;
use weir_pki::bundle::{self, Bundle, BundleError, ClientCertificate, Facts, OffsetReset, Secret, Stores};
use weir_pki::pkcs12::Profile;
use weir_server::snapshot::OfflinePolicy;

use self::facts::{Given, Known};
use super::subject::of_principal;
use super::{Done, Kind, Operator, files, issue, secret, told};

/// A bundle.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// The principal's name in the policy.
    #[arg(value_name = "PRINCIPAL")]
    principal: String,
    /// The configuration file: it names the addresses that clients dial, and the policy.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// The directory to make, or a file that ends in `.zip`. Nothing is replaced.
    #[arg(long, value_name = "DIR|FILE.zip")]
    out: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The listener to connect to, where the configuration has several.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// Where a group without offsets begins. `latest` misses what is written before the first poll.
    #[arg(long, value_name = "WHERE", default_value = "earliest")]
    offsets: Reset,
    /// Put this very `weir` into it, for `./weir doctor --bundle .`.
    #[arg(long)]
    with_weir: bool,
    /// Write the PKCS#12 files with 3DES and SHA-1, for Java 8 before 8u301, which reads nothing better.
    #[arg(long)]
    java8: bool,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// Where the certificate comes from.
#[derive(Debug, Args)]
struct Source {
    /// The directory of the CA that issues a certificate with a new key for it.
    #[arg(long, value_name = "DIR", required_unless_present = "certificate", requires = "ticket")]
    ca: Option<PathBuf>,
    /// The file with the passphrase of the CA's key. Without it, an encrypted key has it asked for.
    #[arg(long, value_name = "FILE", requires = "ca")]
    passphrase_file: Option<PathBuf>,
    /// Where the certificate was decided.
    #[arg(long, value_name = "ID", requires = "ca")]
    ticket: Option<String>,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    kind: Kind,
    /// A certificate that is there already, with its chain, in PEM.
    #[arg(long, value_name = "FILE", conflicts_with = "ca", requires = "ca_certificate")]
    certificate: Option<PathBuf>,
    /// Its key, in PKCS#8 and PEM. Without it, as after a request (CSR), the bundle has none: its holder puts it there.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The CAs that the server's certificate comes from, in PEM. Without it those of `--ca`.
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reset {
    Earliest,
    Latest,
    None,
}

impl From<Reset> for OffsetReset {
    fn from(reset: Reset) -> Self {
        match reset {
            Reset::Earliest => Self::Earliest,
            Reset::Latest => Self::Latest,
            Reset::None => Self::None,
        }
    }
}

pub(super) fn run(order: &Order) -> Done {
    let known = Known::read(&order.config, &order.principal, order.listener.as_deref())?;
    fits(&order.out)?;
    let weir = order.with_weir.then(own_program).transpose()?;
    let facts = match &order.source.certificate {
        Some(certificate) => present(order, &known, certificate)?,
        None => issued(order, &known)?,
    };
    let facts = Facts { weir, ..facts };
    Bundle::new(&facts).and_then(|bundle| bundle.write(&order.out)).map_err(|error| match order.source.ca {
        Some(_) => {
            let serial = &facts.certificate.serial;
            format!("{error}\nthe certificate stands in the index and nobody has it: revoke it, serial {serial}")
        }
        None => error.to_string(),
    })?;
    known.accepts(&facts.certificate.chain_pem);
    tell(order, &known, &facts);
    Ok(ExitCode::SUCCESS)
}

/// Whether a bundle can be made there, as far as can be seen before a certificate is issued for it.
fn fits(out: &Path) -> Result<(), Box<dyn Error>> {
    let above = out.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above.filter(|above| !above.is_dir()) {
        return Err(format!("{} is no directory: make it first, or name another", above.display()).into());
    }
    if out.extension().is_some_and(|end| ["tar", "tgz", "gz", "xz"].iter().any(|other| end.eq_ignore_ascii_case(other)))
    {
        return Err(format!("{}: a bundle is a directory, or a file that ends in `.zip`", out.display()).into());
    }
    Ok(())
}

/// With a certificate that is there already.
fn present(order: &Order, known: &Known, certificate: &Path) -> Result<Facts, Box<dyn Error>> {
    let source = &order.source;
    let ca = source.ca_certificate.as_deref().ok_or("add `--ca-certificate`: what clients are to trust")?;
    let in_file = |file: &Path| {
        let file = file.display().to_string();
        move |error: BundleError| format!("{file}: {error}")
    };
    let chain_pem = bundle::certificates_of(&files::read(certificate)?).map_err(in_file(certificate))?;
    let key = match source.key.as_deref() {
        Some(path) => Some(bundle::key_of(&Secret::new(files::read(path)?)).map_err(in_file(path))?),
        None => None,
    };
    let certificate = known.certificate(&chain_pem, certificate)?;
    if let Some(key) = &key {
        facts::belong_together(&chain_pem, key)?;
    }
    let ca_pem = bundle::certificates_of(&files::read(ca)?).map_err(in_file(ca))?;
    known.trust(&ca_pem)?;
    facts_of(order, known, Given { certificate, key, ca_pem })
}

/// With a certificate that is issued for it, after everything else was tried with one that nobody signs.
fn issued(order: &Order, known: &Known) -> Result<Facts, Box<dyn Error>> {
    let source = &order.source;
    let by = source.operator.by(source.ticket.as_deref())?;
    let directory = source.ca.as_deref().ok_or("add `--ca` or `--certificate`")?;
    let ca = CaDirectory::open(directory)?;
    let trust = match &source.ca_certificate {
        Some(file) => {
            bundle::certificates_of(&files::read(file)?).map_err(|error| format!("{}: {error}", file.display()))?
        }
        None => ca.trust_pem().to_owned(),
    };
    known.trust(&trust)?;
    let policy = OfflinePolicy::of_config(&order.config, None)?.policy;
    let meant = of_principal(&order.principal, policy, &ca)?;
    Bundle::new(&facts_of(order, known, Given::trial(ca.certificate_pem(), &trust))?)?;
    if fs::symlink_metadata(&order.out).is_ok() {
        return Err(BundleError::Exists { path: order.out.clone() }.into());
    }
    let mut ca = secret::unlock(ca, source.passphrase_file.as_deref())?;
    let got = ca.issue_client(&meant.subject, source.kind.terms(), &by)?;
    issue::remarks(ca.directory());
    let serial = got.entry.serial.as_str();
    let finish = || {
        meant.confirm(&got.issued.certificate_pem)?;
        let certificate = ClientCertificate {
            chain_pem: got.issued.chain_pem.clone(),
            not_after: got.entry.not_after,
            serial: serial.to_owned(),
        };
        let key = Some(Secret::new(got.issued.key_pem.clone()));
        facts_of(order, known, Given { certificate, key, ca_pem: trust })
    };
    finish().map_err(|error: Box<dyn Error>| {
        format!("{error}\nthe certificate stands in the index and nobody has it: revoke it, serial {serial}").into()
    })
}

fn facts_of(order: &Order, known: &Known, given: Given) -> Result<Facts, Box<dyn Error>> {
    let profile = if order.java8 { Profile::Java8 } else { Profile::Modern };
    let stores = match &given.key {
        Some(key) => Some(Stores::new(key, &given.certificate.chain_pem, &given.ca_pem, profile)?),
        None => None,
    };
    Ok(known.facts(given, order.offsets.into(), stores))
}

/// The file of this process.
fn own_program() -> Result<Vec<u8>, Box<dyn Error>> {
    let path = env::current_exe()?;
    Ok(fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?)
}

fn tell(order: &Order, known: &Known, facts: &Facts) {
    let ClientCertificate { serial, not_after, .. } = &facts.certificate;
    if order.json {
        let told = json!({
            "principal": facts.principal,
            "out": order.out,
            "topics": facts.topics.len(),
            "serial": serial,
            "not_after": told::instant(*not_after),
            "key_included": facts.key.is_some(),
        });
        println!("{told}");
    } else {
        let topics = if facts.topics.len() == 1 { "topic" } else { "topics" };
        let until = told::minute(*not_after);
        println!("{}: {} {topics}, serial {serial}, valid until {until}", order.out.display(), facts.topics.len());
        match facts.key {
            Some(_) => println!("it holds the key: hand it over where nobody else can read it, and keep no copy"),
            None => println!("it holds no key: its holder puts it beside the rest, as client.key"),
        }
    }
    if known.is_suspended() {
        eprintln!("note: the principal is suspended now; the certificate counts when it is resumed");
    }
}
