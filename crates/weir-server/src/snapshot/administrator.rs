//! Somebody else's way to the same clusters: the identities of an administrator, from a file of its own.
//!
//! Must never: become part of a `Snapshot`. What serves knows no administrator.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use weir_policy::{ConfigErrors, Problem};

use super::sources::{material, pem_paths};
use super::text_files::TextFiles;
use super::{clusters, config};
use crate::config::{Config, Problems};
use crate::tls::Inspector;
use crate::upstream::UpstreamSettings;

/// Reads a file that has `upstreams` as a configuration has it, and nothing else.
///
/// # Errors
/// Every problem of it, and of the files that it names.
pub(crate) fn administrators(path: &Path, config: &Config) -> Result<HashMap<String, UpstreamSettings>, ConfigErrors> {
    let text = TextFiles::default().text(path).map_err(|error| {
        let what = format!("{} cannot be read: {error}", path.display());
        let fix = "write the path of a file with `upstreams:` and an administrator's identity under it".to_owned();
        ConfigErrors(vec![Problem { place: None, what, fix }])
    })?;
    let (upstreams, mut problems) = config::read_upstreams(path, &text)?;
    if let Some((name, _)) = upstreams.iter().find(|(name, _)| !config.upstreams.contains_key(*name)) {
        let what = format!("`{name}` of {} is no upstream of the configuration", path.display());
        let known: Vec<&str> = config.upstreams.keys().map(String::as_str).collect();
        let fix = format!("write one of {}", known.join(", "));
        return Err(ConfigErrors(vec![Problem { place: None, what, fix }]));
    }
    let of_administrator = Config { upstreams, listeners: Vec::new(), ..config.clone() };
    let pem = pem_paths(&of_administrator).map(|path| (path.clone(), material(path))).collect();
    let now = UnixTime::now();
    let mut inspector = Inspector {
        files: &pem,
        problems: &mut problems,
        warnings: &mut Problems::new(&path.display().to_string()),
        now,
        lists_at: now,
        max_stale: Duration::ZERO,
        expiries: &mut Vec::new(),
    };
    let settings = clusters::upstreams(&of_administrator, &mut inspector);
    if problems.is_empty() { Ok(settings) } else { Err(problems.into_errors()) }
}
