//! A child process on a leash: it ends with the test that started it, however that test ends.
//!
//! Between the test and the program stands a shell that holds the read end of a pipe. A line on the pipe is a signal
//! to send; the end of the pipe (dropped, or the test process died) is SIGKILL. So nothing stays behind, and no
//! signal is sent to a process id that is not a child of that shell.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::wait;

/// `$1` is the file that gets the process id; the rest is the program.
const LEASH: &str = r#"
pidfile=$1; shift
exec 3<&0
"$@" 3<&- &
child=$!
echo "$child" >"$pidfile"
{ while read -r signal <&3; do kill -s "$signal" "$child"; done; kill -s KILL "$child"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// A running program, and the file that its output goes to.
#[derive(Debug)]
pub struct Leashed {
    name: String,
    shell: Child,
    leash: Option<ChildStdin>,
    pid: u32,
    log: PathBuf,
}

impl Leashed {
    /// Starts `command` with its standard output and error appended to `log`, and without standard input.
    ///
    /// # Panics
    /// When the program does not start.
    pub fn start(name: &str, command: &Command, log: &Path) -> Self {
        let (out, err) = (append(log), append(log));
        Self::start_to(name, command, log, Stdio::from(out), Stdio::from(err))
    }

    /// The same with standard output somewhere else, for programs whose output is read while they run.
    pub fn start_to(name: &str, command: &Command, log: &Path, out: Stdio, err: Stdio) -> Self {
        let pidfile = log.with_extension("pid");
        let _ = fs::remove_file(&pidfile);
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(LEASH).arg("leash").arg(&pidfile).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            shell.current_dir(dir);
        }
        let mut shell = shell.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().expect("/bin/sh starts");
        let leash = shell.stdin.take();
        let pid = wait::until("a process id", Duration::from_secs(10), || {
            let text = fs::read_to_string(&pidfile).map_err(|error| error.to_string())?;
            if !text.ends_with('\n') {
                return Err("not written yet".into());
            }
            text.trim().parse().map_err(|error| format!("{text:?}: {error}"))
        });
        Self { name: name.into(), shell, leash, pid, log: log.into() }
    }

    /// The process id of the program itself.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its standard output, once, when it was started with a pipe there.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.shell.stdout.take()
    }

    /// The exit status, if it has ended. 128 and the signal's number when a signal ended it.
    pub fn ended(&mut self) -> Option<i32> {
        self.shell.try_wait().expect("a child can be waited for").map(|status| status.code().unwrap_or(-1))
    }

    /// Sends a signal by its name, such as `TERM` or `HUP`. Nothing happens when the program has ended.
    pub fn signal(&mut self, name: &str) {
        if let Some(leash) = self.leash.as_mut() {
            let _ = writeln!(leash, "{name}").and_then(|()| leash.flush());
        }
    }

    /// Waits for the end of the program.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> i32 {
        let what = format!("the end of {}", self.name);
        wait::until(&what, limit, || self.ended().ok_or_else(|| "it still runs".to_string()))
    }

    /// SIGTERM, and SIGKILL when it has not ended after `limit`. Gives its status.
    pub fn stop(&mut self, limit: Duration) -> i32 {
        self.signal("TERM");
        let ended = wait::try_until(limit, || self.ended().ok_or_else(String::new));
        ended.unwrap_or_else(|_| self.kill())
    }

    /// SIGKILL, without waiting.
    pub fn let_go(&mut self) {
        self.leash = None;
    }

    /// SIGKILL. Gives its status, once it is gone.
    pub fn kill(&mut self) -> i32 {
        self.leash = None;
        self.wait(Duration::from_secs(10))
    }

    /// The last lines of its log, for messages.
    pub fn tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        self.leash = None;
        let _ = wait::try_until(Duration::from_secs(10), || self.ended().ok_or_else(String::new));
    }
}

fn append(log: &Path) -> File {
    File::options().create(true).append(true).open(log).expect("a log file can be opened")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> (Leashed, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        (Leashed::start("a shell", &command, &dir.path().join("log")), dir)
    }

    fn gone(pid: u32) -> Result<(), String> {
        // A process that is killed and not yet waited for is gone, too.
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let runs = !status.is_empty() && !status.contains("State:\tZ");
        if runs { Err(status) } else { Ok(()) }
    }

    #[test]
    fn its_status_and_its_output_are_kept() {
        let (mut process, _dir) = shell("echo out; echo err >&2; exit 7");
        assert_eq!(process.wait(SOON), 7);
        assert_eq!(process.tail(9), "out\nerr");
    }

    #[test]
    fn it_dies_when_the_leash_is_dropped() {
        let (process, _dir) = shell("exec sleep 600");
        let pid = process.pid();
        assert!(gone(pid).is_err());
        drop(process);
        wait::until("its end", SOON, || gone(pid));
    }

    #[test]
    fn a_signal_reaches_it_and_not_the_shell_before_it() {
        let (mut process, _dir) = shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
        wait::until("the trap", SOON, || (process.tail(1) == "ready").then_some(()).ok_or_else(String::new));
        assert_eq!(process.stop(SOON), 9);
    }

    #[test]
    fn what_ignores_sigterm_is_killed() {
        let (mut process, _dir) = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
        wait::until("the trap", SOON, || (process.tail(1) == "ready").then_some(()).ok_or_else(String::new));
        assert_eq!(process.stop(Duration::from_millis(300)), 128 + 9);
    }
}
