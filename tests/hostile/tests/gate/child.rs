//! `under-cap` as a child process.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::process::{Command, Output, Stdio};

use weir_hostile::case::Case;

use crate::made::dir;

/// Bytes.
pub const KIB: usize = 1024;

/// Runs the cases, each of which may allocate eight times its frame and `slack` bytes.
///
/// # Panics
/// Where one goes wrong.
pub fn all_as_expected(name: &str, slack: usize, cases: impl Iterator<Item = Case>) {
    let (output, last) = under_cap(name, slack, true, cases);
    let said = String::from_utf8_lossy(&output.stderr);
    let start: String = said.lines().take(20).collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "{:?}, the last case was {last:?}\n{start}", output.status);
}

/// Runs the cases in a process of their own. Gives its output and the number of the last case that it began.
pub fn under_cap(
    name: &str,
    slack: usize,
    with_gate: bool,
    cases: impl Iterator<Item = Case>,
) -> (Output, Option<usize>) {
    let dir = dir();
    let (file, progress) = (dir.join(format!("{name}.cases")), dir.join(format!("{name}.progress")));
    let mut out = BufWriter::new(File::create(&file).expect("the target directory can be written"));
    cases.for_each(|case| case.write(&mut out).expect("the target directory can be written"));
    out.flush().expect("the target directory can be written");
    let output = Command::new("timeout")
        .args(["-k", "5", "300", env!("CARGO_BIN_EXE_under-cap")])
        .args([slack.to_string().as_str(), if with_gate { "gate" } else { "no-gate" }])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(File::create(&progress).expect("the target directory can be written"))
        .output()
        .expect("`timeout` of coreutils starts");
    let last = fs::read_to_string(&progress).expect("its progress can be read").lines().last().map(str::parse);
    let _ = fs::remove_file(&file);
    (output, last.map(|number| number.expect("a number on each line")))
}
