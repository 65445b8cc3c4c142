//! `weir cert`: a CA in a directory, and certificates that fit the policy and the configuration.
//!
//! Must never: take a secret from an argument, replace a file that it was not told to replace, or issue for a principal a
//! certificate that the policy takes for somebody else.

mod authority;
mod bundle;
mod files;
mod inspect;
mod issue;
mod list;
mod published;
mod renew;
mod request;
mod revoke;
mod secret;
mod server;
mod subject;
mod told;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use weir_pki::{By, CaDirectory, CaSigner, KeyKind, Terms};
use weir_server::snapshot::OfflinePolicy;

use crate::WRONG;

/// What a command ends with: its exit status, or what is wrong and what to write instead.
type Done = Result<ExitCode, Box<dyn Error>>;

/// What is done with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Make a CA in a new directory: a root, an intermediate of another CA directory, or one that an external root signs.
    Init(authority::Init),
    /// Give a CA the certificate that an external root has made for its `ca.csr`.
    Install(authority::Install),
    /// Make a key and a request (CSR), where the key is to be used: it never leaves.
    Csr(request::Csr),
    /// Issue a certificate with a new key to a principal: its subject is what the principal's file in the policy asks for.
    Issue(issue::Issue),
    /// The same for a key that its holder has: only the public key is taken from the request (CSR).
    Sign(issue::Sign),
    /// Issue the certificate of Weir's own listeners, with every name that the configuration advertises.
    Server(server::Server),
    /// Issue a new certificate beside one that goes on working until it ends or is revoked.
    Renew(renew::Renew),
    /// Revoke a certificate for good, and write the revocation list that says so.
    Revoke(revoke::Revoke),
    /// Write a new revocation list with the same certificates, due again later.
    Crl(authority::Crl),
    /// Show the certificates of a CA, or all that was ever done with it.
    List(list::List),
    /// Show what ends soon. Exits with 1 where something does, 0 where nothing does, 2 where a file is wrong.
    Expiring(list::Expiring),
    /// Make all that a principal's consumer needs: certificate, configurations of every client, programs, and a README with
    /// its own topics, limits and refusals.
    Bundle(bundle::Order),
    /// Say what a PEM file holds, and with `-c` which principal a certificate is.
    Inspect(inspect::Inspect),
}

pub(crate) fn run(act: &Act) -> ExitCode {
    let done = match act {
        Act::Init(init) => authority::init(init),
        Act::Install(install) => authority::install(install),
        Act::Csr(csr) => request::create(csr),
        Act::Issue(issue) => issue::issue(issue),
        Act::Sign(sign) => issue::sign(sign),
        Act::Server(server) => server::issue(server),
        Act::Renew(renew) => renew::renew(renew),
        Act::Revoke(revoke) => revoke::revoke(revoke),
        Act::Crl(crl) => authority::crl(crl),
        Act::List(list) => list::list(list),
        Act::Expiring(expiring) => list::expiring(expiring),
        Act::Bundle(order) => bundle::run(order),
        Act::Inspect(inspect) => inspect::inspect(inspect),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        WRONG.into()
    })
}

/// A CA whose key is used.
#[derive(Debug, Args)]
struct Ca {
    /// The directory of the CA.
    #[arg(long, value_name = "DIR")]
    ca: PathBuf,
    /// The file with the passphrase of the CA's key. Without it, an encrypted key has it asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Ca {
    fn open(&self) -> Result<CaDirectory, Box<dyn Error>> {
        Ok(CaDirectory::open(&self.ca)?)
    }

    /// The CA with its key.
    fn unlock(&self) -> Result<CaSigner, Box<dyn Error>> {
        secret::unlock(self.open()?, self.passphrase_file.as_deref())
    }
}

/// Who does something, and where it was decided.
#[derive(Debug, Args)]
struct Decided {
    /// Where it was decided.
    #[arg(long, value_name = "ID")]
    ticket: String,
    #[command(flatten)]
    operator: Operator,
}

impl Decided {
    fn by(&self) -> Result<By, Box<dyn Error>> {
        self.operator.by(Some(&self.ticket))
    }
}

/// Who does something, and where it was decided, if anywhere.
#[derive(Debug, Args)]
struct Noted {
    /// Where it was decided.
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    #[command(flatten)]
    operator: Operator,
}

impl Noted {
    fn by(&self) -> Result<By, Box<dyn Error>> {
        self.operator.by(self.ticket.as_deref())
    }
}

/// Who does something.
#[derive(Debug, Args)]
struct Operator {
    /// Who does it, for the CA's index; without it the name in $SUDO_USER, or that in $USER.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Operator {
    fn by(&self, ticket: Option<&str>) -> Result<By, Box<dyn Error>> {
        let of_system = || ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| env::var(name).ok());
        let operator = self.by.clone().or_else(of_system).filter(|name| !name.trim().is_empty());
        let operator = operator.ok_or("nobody knows who does this: add `--by` with your name")?;
        if ticket.is_some_and(|ticket| ticket.trim().is_empty()) {
            return Err("`--ticket` is empty: write where this was decided".into());
        }
        Ok(By { operator, ticket: ticket.map(str::to_owned) })
    }
}

/// What a certificate may differ in.
#[derive(Debug, Args)]
struct Kind {
    /// For how many days it is valid; 180 without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=3_650))]
    days: Option<i64>,
    /// An RSA key with 3,072 bits, for clients that cannot use ECDSA P-256.
    #[arg(long)]
    rsa: bool,
}

impl Kind {
    fn terms(&self) -> Terms {
        Terms { days: self.days, key: key_kind(self.rsa) }
    }
}

fn key_kind(rsa: bool) -> KeyKind {
    if rsa { KeyKind::Rsa } else { KeyKind::EcdsaP256 }
}

/// The policy that says what a certificate of a principal looks like.
#[derive(Debug, Args)]
struct PolicyPlace {
    /// The configuration file, which names the policy directory; weir.yaml without it.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy directory itself: the configuration is not read, and certificates are looked at in the default way.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    policy: Option<PathBuf>,
}

impl PolicyPlace {
    /// Whether one was named.
    fn is_given(&self) -> bool {
        self.config.is_some() || self.policy.is_some()
    }

    fn read(&self) -> Result<OfflinePolicy, Box<dyn Error>> {
        let default = PathBuf::from("weir.yaml");
        Ok(OfflinePolicy::read(self.config.as_ref().or(self.policy.as_ref()).unwrap_or(&default))?)
    }
}
