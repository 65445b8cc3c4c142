//! `weir serve`.

use std::path::Path;
use std::process::ExitCode;

use weir_server::listen::Inherited;
use weir_server::observe::init_log;
use weir_server::process::raise_descriptor_limit;
use weir_server::snapshot::Loader;

pub(crate) fn run(config: &Path) -> ExitCode {
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(error) => {
            eprintln!(
                "the service manager handed over what is no TCP socket: {error}; write ListenStream= with IP:PORT"
            );
            return ExitCode::FAILURE;
        }
    };
    let mut loader = Loader::new(config);
    let snapshot = match loader.load() {
        Ok(snapshot) => snapshot,
        // The log is not there yet: how it is written stands in the file that is wrong.
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::FAILURE;
        }
    };
    let _log = init_log(snapshot.config.log);
    raise_descriptor_limit();
    for warning in &snapshot.warnings {
        tracing::warn!("{warning}");
    }
    match weir_server::serve(snapshot, loader, inherited) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
