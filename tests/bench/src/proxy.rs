//! A process that is measured: started alone on its core, and its CPU time, with that of its children.
//!
//! Must never: outlive the bench.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Context, Failure};
use crate::tls::Certificates;
use crate::{MEASURED, OTHERS};

/// A running process.
pub struct Proxy {
    child: Child,
    /// Where clients connect.
    pub address: SocketAddr,
}

impl Proxy {
    /// One of this program's own relays, before the broker at `upstream`.
    pub fn relay(role: &str, upstream: SocketAddr, certificates: &Certificates) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("the bench does not find itself")?;
        let mut command = pinned(&program)?;
        command.arg(role).arg("--upstream").arg(upstream.to_string()).arg("--certificates").arg(&certificates.dir);
        // The pipe of the relay's input is held as long as the process, and tells it when to end.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the relay cannot be started")?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or_else(|| Failure::new("the relay has no output"))?;
        BufReader::new(output).read_line(&mut line).context("the relay says nothing")?;
        let port = line.trim().parse().context("the relay says no port")?;
        Ok(Self { child, address: (Ipv4Addr::LOCALHOST, port).into() })
    }

    /// Another program, whose address is known.
    pub fn other(command: &mut Command, address: SocketAddr) -> Result<Self, Failure> {
        let program = command.get_program().display().to_string();
        let child = command.spawn().context(&format!("{program} cannot be started"))?;
        Ok(Self { child, address })
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// The CPU time, once the process has gone to sleep: the kernel adds up when it does.
    pub fn settled_cpu(&self) -> Result<Duration, Failure> {
        std::thread::sleep(Duration::from_millis(10));
        self.cpu()
    }

    /// The memory that it has for itself, with its share of what it has in common with others, and that of its children:
    /// in KiB.
    pub fn pss(&self) -> Result<f64, Failure> {
        let of = |pid| {
            proportional_set(pid).ok_or_else(|| Failure::new(format!("the memory of process {pid} cannot be read")))
        };
        family(self.child.id()).into_iter().map(of).sum()
    }

    /// The user and system time that it has used, with all its threads and those of its children.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let of = |pid| {
            let time = exact_cpu(pid).or_else(|| cpu_in_ticks(pid));
            time.ok_or_else(|| Failure::new(format!("process {pid} is gone")))
        };
        family(self.child.id()).into_iter().map(of).sum()
    }

    /// The same of one process whose threads come and go: with those that have ended, but in ticks of 10 ms.
    pub fn cpu_with_ended_threads(&self) -> Result<Duration, Failure> {
        let pid = self.child.id();
        cpu_in_ticks(pid).ok_or_else(|| Failure::new(format!("process {pid} is gone")))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let family = family(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Children are not told when their parent ends.
        for pid in family.into_iter().skip(1).filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The start of a command line that runs a program on the core of what is measured.
pub fn pinned(program: impl AsRef<OsStr>) -> Result<Command, Failure> {
    on(&MEASURED.to_string(), program)
}

/// The same on all cores of the bench, for what is too large for one.
pub fn anywhere(program: impl AsRef<OsStr>) -> Result<Command, Failure> {
    on(&format!("{MEASURED},{OTHERS}"), program)
}

fn on(cores: &str, program: impl AsRef<OsStr>) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe().context("the bench does not find itself")?);
    command.arg("pinned").arg(cores).arg("--").arg(program);
    Ok(command)
}

/// A process, and all that it has started.
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    for children in children {
        family.extend(children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(self::family));
    }
    family
}

fn proportional_set(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let pss = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    pss.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// In nanoseconds, where the kernel tells: the sum over the threads that live.
fn exact_cpu(pid: u32) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        sum += Duration::from_nanos(text.split(' ').next()?.parse().ok()?);
    }
    Some(sum)
}

/// In ticks of 10 ms.
fn cpu_in_ticks(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_children_use_is_counted_and_they_end_too() {
        let parent = Command::new("sh").args(["-c", "sh -c 'while :; do :; done' & wait"]).spawn().unwrap();
        let parent = Proxy { child: parent, address: (Ipv4Addr::LOCALHOST, 0).into() };
        let deadline = Instant::now() + Duration::from_secs(30);
        while parent.cpu().unwrap() < Duration::from_millis(300) {
            assert!(Instant::now() < deadline, "no CPU time is counted");
            thread::sleep(Duration::from_millis(20));
        }
        let family = family(parent.child.id());
        assert!(family.len() > 1, "{family:?}");
        drop(parent);
        while family.iter().any(|pid| cpu_in_ticks(*pid).is_some()) {
            assert!(Instant::now() < deadline, "a child lives on");
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn both_clocks_see_the_same_work() {
        let busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let busy = Proxy { child: busy, address: (Ipv4Addr::LOCALHOST, 0).into() };
        let pid = busy.child.id();
        let deadline = Instant::now() + Duration::from_secs(30);
        while cpu_in_ticks(pid).unwrap() < Duration::from_millis(200) {
            assert!(Instant::now() < deadline, "no CPU time is counted");
            thread::sleep(Duration::from_millis(20));
        }
        // It works on while it is looked at. A tick is 10 ms.
        let (before, ticks, after) = (exact_cpu(pid), cpu_in_ticks(pid).unwrap(), exact_cpu(pid));
        if let (Some(before), Some(after)) = (before, after) {
            let slack = Duration::from_millis(30);
            assert!(before <= ticks + slack && ticks <= after + slack, "{before:?} {ticks:?} {after:?}");
        }
    }
}
