//! The `weir` binary as an operator types it.

use std::process::Command;

use weir_testkit::{Weir, weir_binary};

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// Runs `weir WORDS -c FILE` with the configuration of this Weir, for two minutes at the most.
pub fn run(weir: &Weir, words: &[&str]) -> Said {
    let mut command = Command::new("timeout");
    command.arg("120").arg(weir_binary()).args(words).arg("-c").arg(weir.config_file());
    let output = command.stdin(std::process::Stdio::null()).output().expect("weir starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("weir writes text");
    Said { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
