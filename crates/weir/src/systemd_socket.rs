//! `weir systemd-socket`: the socket unit for a configuration, so that nobody writes a port for each broker by hand.
//!
//! Must never: name another address than `weir serve` would bind.

use std::path::Path;
use std::process::ExitCode;

use weir_server::snapshot::Snapshot;

const HEAD: &str = "\
# Printed by `weir systemd-socket`. Print it anew when the `bind` or the ports of a listener change: Weir takes the
# sockets that are its own by their addresses, and does not start with one that is not.

[Unit]
Description=Sockets of Weir, a Kafka-protocol edge proxy

[Socket]
";

const TAIL: &str = "\
FileDescriptorName=weir
BindIPv6Only=both
# A second of clients that all come back at once.
Backlog=4096
# Who came while Weir was away is served, and not turned away.
FlushPending=no

[Install]
WantedBy=sockets.target
";

pub(crate) fn run(config: &Path) -> ExitCode {
    match Snapshot::load(config) {
        Ok(snapshot) => {
            let binds = snapshot.config.listeners.iter().flat_map(|listener| listener.binds());
            let streams: String = binds.map(|address| format!("ListenStream={address}\n")).collect();
            print!("{HEAD}{streams}{TAIL}");
            ExitCode::SUCCESS
        }
        Err(errors) => {
            eprintln!("{errors}");
            ExitCode::FAILURE
        }
    }
}
