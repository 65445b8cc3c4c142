//! The row of a cold load: `weir check`, which reads and compiles what `weir serve` does at its start, with 10,000
//! principals' files.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use weir_policy::PolicyFiles;

use super::Run;
use crate::bar::COLD_LOAD;
use crate::failure::{Context, Failure};
use crate::in_process::{micros, on_measured_core};
use crate::line::{Found, Line, Taken};
use crate::policies;
use crate::proxy;
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir;

/// Files, and the grants in the first.
const PRINCIPALS: usize = 10_000;
const GRANTS: usize = 10;

/// Measures. The program's start and its end are in the figure.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    // Nobody is dialled.
    let nobody = ([127, 0, 0, 1], 9).into();
    let config = weir::write_files(nobody, &certificates, dir, weir::free_ports()?, 1)?;
    let files = policies::files(PRINCIPALS, GRANTS);
    write(&dir.join("acl"), &files).context("the policy cannot be written")?;
    let (mut whole, mut compiled) = (Series::default(), Series::default());
    for _ in run.rounds() {
        whole.push(check(&run.options.weir, &config)?);
        compiled.push(on_measured_core(|| Ok(micros(1, || drop(policies::compile(&files))) / 1e3))?);
    }
    let told = vec![format!(
        "of it {:.0} ms are Policy::compile, with {} topics in the catalogue; the files were written just before and are in memory",
        compiled.minimum(),
        policies::TOPICS + 1,
    )];
    Ok(Found { lines: vec![Line::of(&COLD_LOAD, Taken::cost(&whole))], told, void: None })
}

/// In milliseconds.
fn check(weir: &Path, config: &Path) -> Result<f64, Failure> {
    let mut command: Command = proxy::pinned(weir)?;
    command.arg("check").arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status().context("weir check cannot be started")?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    if status.success() { Ok(took) } else { Err(Failure::new(format!("weir check found problems ({status})"))) }
}

fn write(dir: &Path, files: &PolicyFiles) -> std::io::Result<()> {
    fs::remove_dir_all(dir.join("principals"))?;
    fs::create_dir_all(dir.join("principals"))?;
    let shared = [&files.catalogue, &files.never, &files.tiers];
    shared
        .into_iter()
        .chain(&files.principals)
        .try_for_each(|file| fs::write(dir.join(&file.path), file.text.as_bytes()))
}
