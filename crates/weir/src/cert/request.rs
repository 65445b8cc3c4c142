//! `weir cert csr`: a key and a request for its certificate, made where the key is to be used.
//!
//! Must never: replace a file, or show the key.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Done, files, key_kind};

/// A key and a request.
#[derive(Debug, Args)]
pub(crate) struct Csr {
    /// A name for the eyes of who signs: the certificate's is decided there.
    #[arg(value_name = "NAME")]
    name: String,
    /// The directory for both files; it is made where it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// An RSA key with 3,072 bits, for clients that cannot use ECDSA P-256.
    #[arg(long)]
    rsa: bool,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

pub(super) fn create(order: &Csr) -> Done {
    let stem = files::stem(&order.name)?;
    files::make_directory(&order.out)?;
    let key = order.out.join(format!("{stem}.key"));
    let request = order.out.join(format!("{stem}.csr"));
    weir_pki::csr::create(&key, &request, &order.name, key_kind(order.rsa))?;
    if order.json {
        println!("{}", json!({"key": key, "request": request}));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}: the key; it stays here, and nobody else needs it", key.display());
    println!("{}: the request; send it to who signs, and keep what comes back beside the key", request.display());
    Ok(ExitCode::SUCCESS)
}
