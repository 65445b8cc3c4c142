//! One run: start everything in order, then check or wait, then end everything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

use crate::Args;
use crate::certificates::Certificates;
use crate::check::Check;
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::flow::Flow;
use crate::instructions;
use crate::ports::Ports;
use crate::weir_config::WeirConfig;
use crate::weir_process::WeirProcess;

/// How long the check may take; the step that it is in may then take a little longer.
const CHECK_LIMIT: Duration = Duration::from_secs(50);

/// How a run ended well.
pub enum End {
    /// Everything was shown.
    Checked,
    /// Somebody pressed Ctrl-C.
    Stopped,
}

/// Runs the demo until it is checked, somebody ends it, or something goes wrong.
pub async fn run(args: &Args) -> Result<End, Failure> {
    let mut weir = None;
    let ended = tokio::select! {
        ended = serve(args, &mut weir) => ended,
        interrupted = interrupted() => interrupted.and_then(|()| {
            if args.check { Err(Failure::new("it was interrupted")) } else { Ok(End::Stopped) }
        }),
    };
    if let Some(weir) = weir {
        WeirProcess::stop(weir).await;
    }
    ended
}

/// Starts everything. Weir is left in `running`, so that it can be ended in an orderly way whatever happens here.
async fn serve(args: &Args, running: &mut Option<WeirProcess>) -> Result<End, Failure> {
    let run = Uuid::new_v4().to_string();
    let files = Files::make(args.dir.as_deref())?;
    let acl = fs::canonicalize(&args.acl)
        .map_err(|error| Failure::new(format!("no policy directory {}: {error}", args.acl.display())))?;
    let cluster = Cluster::start()?;
    let brokers = cluster.bootstrap();
    let flow = Flow::start(&brokers, &run)?;
    let certificates = Certificates::issue(files.path())?;
    let reserved = Ports::reserve()?;
    let ports = reserved.ports;
    let config = WeirConfig { ports, brokers: &brokers, certificates: &certificates, acl: &acl };
    let config = config.write(files.path())?;
    let binary = weir_binary(args)?;
    let weir = running.insert(WeirProcess::spawn(&binary, &config, files.path(), ports.admin())?);
    weir.ready().await?;

    let text = instructions::write(files.path(), &binary, ports, &certificates, weir.log())?;
    if !args.check {
        println!("{text}");
    }
    let check = Check {
        run,
        ports,
        brokers,
        ca: certificates.ca,
        tool: certificates.tool,
        enterprise: certificates.enterprise,
        stop: Arc::new(AtomicBool::new(false)),
    };
    tokio::select! {
        failure = flow.run() => Err(failure),
        ended = watched(args.check.then_some(check), weir) => ended,
    }
}

/// Waits for Weir to end, which it should not, or for the check, where there is one.
async fn watched(check: Option<Check>, weir: &mut WeirProcess) -> Result<End, Failure> {
    let Some(check) = check else {
        return Err(weir.ended().await);
    };
    let stop = StopOnDrop(Arc::clone(&check.stop));
    let mut checked = spawn_blocking(move || check.run());
    tokio::select! {
        result = timeout(CHECK_LIMIT, &mut checked) => {
            let result = result.map_err(|_| {
                Failure::new(format!("the check was not done within {} s", CHECK_LIMIT.as_secs()))
            })?;
            result.map_err(|error| Failure::new(format!("the check broke: {error}")))??;
            Ok(End::Checked)
        }
        failure = weir.ended() => {
            drop(stop);
            // It ends within one bounded step, and would only say once more that Weir is gone.
            let _ = checked.await;
            Err(failure)
        }
    }
}

/// Tells the check's thread to end, however its run ends: the process waits for that thread.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for Ctrl-C, or for the signal of whoever manages this process.
async fn interrupted() -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("signals cannot be watched: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(cannot)?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.map_err(cannot),
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    }
}

/// The given binary, or the one that was built beside this program.
fn weir_binary(args: &Args) -> Result<PathBuf, Failure> {
    if let Some(weir) = &args.weir {
        return Ok(weir.clone());
    }
    let this = std::env::current_exe().map_err(|error| Failure::new(format!("where is this program? {error}")))?;
    Ok(this.with_file_name("weir"))
}

/// The directory of one run.
enum Files {
    Kept(PathBuf),
    Removed(TempDir),
}

impl Files {
    fn make(dir: Option<&Path>) -> Result<Files, Failure> {
        let Some(dir) = dir else {
            let made = tempfile::Builder::new().prefix("weir-demo-").tempdir();
            return made.map(Files::Removed).map_err(|error| Failure::new(format!("no temporary directory: {error}")));
        };
        fs::create_dir_all(dir)
            .and_then(|()| fs::canonicalize(dir))
            .map(Files::Kept)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", dir.display())))
    }

    fn path(&self) -> &Path {
        match self {
            Files::Kept(path) => path,
            Files::Removed(dir) => dir.path(),
        }
    }
}
