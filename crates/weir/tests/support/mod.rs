//! What the tests of commands share: a configuration, a directory that `weir check` finds sound, and the way to run `weir`.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part, and may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use weir_pki::Authority;

/// One listener before brokers that are not there. Its files are those of `sound_directory`.
pub const CONFIG: &str = "\
listeners:
  - name: public
    bind: 127.0.0.1:9093
    advertise: {sni: {host: kafka.example.org}}
    upstream: main
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
upstreams:
  main: {bootstrap: ['127.0.0.1:1']}
shown_cluster_id: shown
policy: acl
";

/// A principal of the tier `tool`, which may read nothing.
pub const TOOL: &str = "\
principal: tool
certificate: [{cn: tool}]
namespace: tool
tier: tool
read: []
contact: tool@example.org
review_by: 2099-12-31
";

pub const TIERS: &str = "tiers:\n  - tier: tool\n    connections: 20\n";

/// What a command ended with.
pub type Ended = (i32, String, String);

/// Runs `weir` for a user `op`, with nobody at the keyboard: exit status, standard output, standard error.
pub fn weir(arguments: &[&str], directory: &Path) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(arguments).current_dir(directory).env("USER", "op").env_remove("SUDO_USER");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let Output { status, stdout, stderr } = output;
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Nobody is known, nothing may leave; `CONFIG` is `weir.yaml`, with certificates.
pub fn sound_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("Example").unwrap();
    let server = authority.server(&["kafka.example.org", "*.kafka.example.org"]).unwrap();
    server.write(directory.path(), "server").unwrap();
    write(directory.path(), "ca.pem", authority.certificate_pem());
    write(directory.path(), "weir.yaml", CONFIG);
    policy(&directory.path().join("acl"), "streams: []\n");
    directory
}

/// A policy directory with this catalogue, and nobody in it.
pub fn policy(directory: &Path, catalogue: &str) {
    fs::create_dir_all(directory.join("principals")).unwrap();
    for (name, text) in [("catalogue.yaml", catalogue), ("never.yaml", "never: []\n"), ("tiers.yaml", TIERS)] {
        write(directory, name, text);
    }
}

/// A file in a directory.
pub fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).unwrap();
}

/// A page with what is printed now below each command of its `console` blocks, and how many commands it has.
pub fn with_output(page: &str, mut printed: impl FnMut(&str) -> String) -> (String, usize) {
    let mut written = String::new();
    let (mut commands, mut is_console) = (0, false);
    for line in page.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        }
        if !is_console || line.starts_with("```") {
            written.push_str(&format!("{line}\n"));
        } else if let Some(command) = line.strip_prefix("$ ") {
            commands += 1;
            written.push_str(&format!("{line}\n{}", printed(command)));
        }
    }
    (written, commands)
}
