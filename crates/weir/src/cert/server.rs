//! `weir cert server`: the certificate of Weir's own listeners, with every name that the configuration advertises.
//!
//! Must never: write one that `weir check` would call wrong for these listeners.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use weir_pki::{Authority, Entry, Issued};
use weir_server::config::{AdvertisedName, Config, Listener};
use weir_server::snapshot::read_config;
use weir_server::tls::not_covered;

use super::files::{Reserved, Written};
use super::{Ca, Done, Noted, issue, key_kind, told};

/// A server certificate.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// For this listener alone; it may be repeated. Without it: for all.
    #[arg(long, value_name = "NAME")]
    listener: Vec<String>,
    /// The addresses that these listeners bind, too, where they are single ones.
    #[arg(long)]
    bind_addresses: bool,
    /// A further DNS name or IP address; it may be repeated.
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    #[command(flatten)]
    ca: Ca,
    /// Write `server.pem` and `server.key` here. Without it: to the files that the configuration names.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the files that are there: what a renewal does. Weir takes the new ones within a second.
    #[arg(long)]
    replace: bool,
    /// For how many days it is valid; 90 without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=3_650))]
    days: Option<i64>,
    /// An RSA key with 3,072 bits instead of ECDSA P-256.
    #[arg(long)]
    rsa: bool,
    #[command(flatten)]
    noted: Noted,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

pub(super) fn issue(order: &Server) -> Done {
    let by = order.noted.by()?;
    let config = read_config(&order.config)?;
    let listeners = listeners(order, &config)?;
    let names = names(order, &listeners);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fits(&names, &listeners)?;
    let (certificate, key) = place(order, &listeners)?;
    let reserved = match order.replace {
        true => None,
        false => Some(Reserved::at(certificate.clone(), Some(key.clone()))?),
    };
    let mut ca = order.ca.unlock()?;
    let terms = weir_pki::Terms { days: order.days, key: key_kind(order.rsa) };
    let made = ca.issue_server(&names, terms, &by)?;
    let written = match reserved {
        Some(reserved) => reserved.write(&made.issued.chain_pem, Some(&made.issued.key_pem)),
        None => replace(&made.issued, certificate, key),
    };
    let written = written.map_err(|error| {
        let serial = made.entry.serial.as_str();
        format!("{error}\nthe certificate stands in the index and nobody has it: revoke it, serial {serial}")
    })?;
    tell(order, &made.entry, &names, &written);
    issue::remarks(ca.directory());
    Ok(ExitCode::SUCCESS)
}

fn listeners<'a>(order: &Server, config: &'a Config) -> Result<Vec<&'a Listener>, Box<dyn Error>> {
    for wanted in &order.listener {
        if !config.listeners.iter().any(|listener| listener.name == *wanted) {
            let known: Vec<_> = config.listeners.iter().map(|listener| listener.name.as_str()).collect();
            return Err(format!("there is no listener `{wanted}`; write one of {}", known.join(", ")).into());
        }
    }
    let is_meant = |listener: &&Listener| order.listener.is_empty() || order.listener.contains(&listener.name);
    Ok(config.listeners.iter().filter(is_meant).collect())
}

/// What clients look for, what was asked for beside it, each once.
fn names(order: &Server, listeners: &[&Listener]) -> Vec<String> {
    let advertised = listeners
        .iter()
        .flat_map(|listener| &listener.tls.names)
        .map(|name| name.value.to_string().to_ascii_lowercase());
    let binds = listeners.iter().filter(|_| order.bind_addresses).map(|listener| listener.ip);
    let binds = binds.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    let mut names: Vec<String> = Vec::new();
    for name in advertised.chain(binds).chain(order.name.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Looks at such a certificate as `weir check` does: one is made for that and thrown away.
fn fits(names: &[&str], listeners: &[&Listener]) -> Result<(), Box<dyn Error>> {
    let trial = Authority::new("trial")?.server(names)?;
    let advertised: Vec<AdvertisedName> =
        listeners.iter().flat_map(|listener| &listener.tls.names).map(|name| name.value.clone()).collect();
    let missing = not_covered(trial.certificate_pem.as_bytes(), &advertised)?;
    match missing.first() {
        None => Ok(()),
        Some(name) => {
            Err(format!("clients would not take any certificate for `{name}`: a star needs two labels after it; advertise a longer name, like kafka.example.org").into())
        }
    }
}

/// Where the certificate and its key go.
fn place(order: &Server, listeners: &[&Listener]) -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    if let Some(out) = &order.out {
        super::files::make_directory(out)?;
        return Ok((out.join("server.pem"), out.join("server.key")));
    }
    let files = |listener: &&Listener| (listener.tls.certificate.value.clone(), listener.tls.key.value.clone());
    let first = listeners.first().map(files).ok_or("the configuration has no listener")?;
    if listeners.iter().map(files).any(|other| other != first) {
        let names: Vec<_> = listeners.iter().map(|listener| listener.name.as_str()).collect();
        let names = names.join(", ");
        return Err(format!("the listeners {names} have certificates of their own: choose by `--listener`").into());
    }
    if let Some(directory) = first.0.parent().filter(|directory| *directory != Path::new("")) {
        // Not for its owner alone: Weir's user has to look into it.
        let made = fs::create_dir_all(directory);
        made.map_err(|error| format!("{} cannot be made: {error}", directory.display()))?;
    }
    Ok(first)
}

/// The key first: until both are there, Weir goes on with what it has.
fn replace(issued: &Issued, certificate: PathBuf, key: PathBuf) -> Result<Written, Box<dyn Error>> {
    super::files::replace_key(&issued.key_pem, &key)?;
    super::files::publish(&issued.chain_pem, &certificate)?;
    Ok(Written { certificate, key: Some(key) })
}

fn tell(order: &Server, entry: &Entry, names: &[&str], written: &Written) {
    if order.json {
        let told = json!({
            "certificate": told::entry(entry, OffsetDateTime::now_utc()),
            "names": names,
            "files": told::written(written),
        });
        println!("{told}");
        return;
    }
    println!("{}", told::line(entry));
    println!("for {}", names.join(", "));
    print!("{}", told::written_lines(written));
}
