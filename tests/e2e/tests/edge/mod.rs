//! What the tests of the edge share: a Weir under watch, a TLS client that can misbehave, a broker that does as told.
//!
//! A `Watch` holds one Weir for all tests of a process that want the same configuration; each takes its `turn`. A turn
//! that ends well has shown that Weir lives, that its descriptors are back and that its memory stayed in bounds.
//! Must never: wait without a limit.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod broker;
pub mod client;
pub mod hello;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_testkit::{Acl, Advertise, Identity, Pki, PrincipalSpec, RawTarget, Weir, WeirOptions, wait};

use broker::Broker;

/// The one topic that everybody here may read.
pub const TOPIC: &str = "edge.topic";
/// Who may connect as often as the tests need.
pub const READER: &str = "edge-reader";
/// For what must happen soon, on a machine that does other things too.
pub const SOON: Duration = Duration::from_secs(5);
/// How far memory may grow in a test whose clients are gone again.
const GROWTH_KIB: u64 = 64 * 1024;
/// Descriptors that come and go: control connections that are being opened.
const SLACK: usize = 4;

/// A Weir that tests of one process share.
pub struct Watch {
    weir: Mutex<Weir>,
    /// The broker behind it.
    pub broker: Broker,
    fds: usize,
}

/// One test's time with it.
pub struct Turn<'a> {
    pub weir: MutexGuard<'a, Weir>,
    watch: &'a Watch,
    memory: u64,
}

/// Who may do what: the reader, somebody with few places, and a neighbour.
pub fn acl() -> Acl {
    let small = PrincipalSpec { tier: "small", ..PrincipalSpec::new("edge-small", &[TOPIC]) };
    Acl::new(&[TOPIC])
        .principal(PrincipalSpec::new(READER, &[TOPIC]))
        .principal(small)
        .principal(PrincipalSpec::new("edge-neighbour", &[TOPIC]))
}

impl Watch {
    /// Before a broker of this test's own.
    pub fn before(broker: Broker, change: impl FnOnce(&mut WeirOptions)) -> Self {
        let watch = Self::start(broker, change);
        watch.weir.lock().unwrap_or_else(PoisonError::into_inner).wait_ready();
        watch
    }

    /// The same, without waiting until the broker has answered.
    pub fn unready(broker: Broker) -> Self {
        Self::start(broker, |_| {})
    }

    fn start(broker: Broker, change: impl FnOnce(&mut WeirOptions)) -> Self {
        let bootstrap = [broker.address.to_string()];
        let mut options = WeirOptions::before(&bootstrap, Advertise::Ports, acl()).untapped();
        options.config["limits"] = serde_json::json!({});
        change(&mut options);
        let weir = Weir::start_unready(options);
        wait::until("weir", Duration::from_secs(30), || weir.get("/livez"));
        let fds = descriptors(weir.pid());
        Self { weir: Mutex::new(weir), broker, fds }
    }

    /// Waits until nobody else uses it.
    pub fn turn(&self) -> Turn<'_> {
        let weir = self.weir.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = memory_kib(weir.pid());
        Turn { weir, watch: self, memory }
    }
}

impl Turn<'_> {
    /// The bootstrap address, as a client with this certificate.
    pub fn target(&self, identity: &Identity) -> RawTarget {
        self.weir.target(&self.weir.bootstrap(), identity)
    }

    /// The bootstrap address, as the reader.
    pub fn reader(&self) -> RawTarget {
        self.target(reader())
    }

    pub fn broker(&self) -> &Broker {
        &self.watch.broker
    }

    /// Lets `act` happen, and holds that exactly these connections end meanwhile, for these reasons.
    pub fn ends<T>(&self, expected: &[(&str, u64)], act: impl FnOnce() -> T) -> T {
        let before = self.closed();
        let value = act();
        let expected: BTreeMap<String, u64> = expected.iter().map(|(name, n)| ((*name).to_string(), *n)).collect();
        let counted = wait::try_until(SOON, || {
            let mut steps = self.closed();
            steps.iter_mut().for_each(|(name, n)| *n -= before.get(name).copied().unwrap_or(0));
            steps.retain(|_, n| *n > 0);
            if steps == expected { Ok(()) } else { Err(format!("connections ended for {steps:?}, not {expected:?}")) }
        });
        if let Err(difference) = counted {
            panic!("{difference}");
        }
        value
    }

    /// How many connections ended since the start, by reason.
    pub fn closed(&self) -> BTreeMap<String, u64> {
        let (_, page) = self.weir.get("/metrics").expect("the metrics can be read");
        let rows = page.lines().filter_map(|line| line.strip_prefix("weir_connections_closed_total{reason=\""));
        let ended = rows.map(|row| (row.split('"').next().unwrap_or_default(), row.rsplit(' ').next()));
        ended.map(|(name, n)| (name.to_string(), n.and_then(|n| n.parse().ok()).expect("a count"))).collect()
    }

    /// One number of the metrics page.
    pub fn metric(&self, name: &str) -> u64 {
        let (_, page) = self.weir.get("/metrics").expect("the metrics can be read");
        let row = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        row.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// Waits until so many connections are open.
    pub fn has_open(&self, expected: u64) {
        wait::until(&format!("{expected} connections"), SOON, || match self.metric("weir_connections_open") {
            open if open == expected => Ok(()),
            open => Err(format!("{open} are open")),
        });
    }

    pub fn memory_kib(&self) -> u64 {
        memory_kib(self.weir.pid())
    }

    /// Holds that Weir lives, holds nothing of anybody any more, and still serves.
    fn settles(&mut self) {
        assert_eq!(self.weir.ended(), None, "weir has ended:\n{}", self.weir.log());
        let (pid, most) = (self.weir.pid(), self.watch.fds + SLACK);
        wait::until("everything to be given back", SOON, || {
            let (open, held) = (self.metric("weir_connections_open"), descriptors(pid));
            if open == 0 && held <= most { Ok(()) } else { Err(format!("{open} connections, {held} of {most} fds")) }
        });
        let grown = memory_kib(pid).saturating_sub(self.memory);
        assert!(grown <= GROWTH_KIB, "memory grew by {grown} KiB");
        for defect in ["internal-panic", "internal", "tls-internal"] {
            assert_eq!(self.closed().get(defect), Some(&0), "{defect}:\n{}", self.weir.log());
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.settles();
        }
    }
}

/// The reader's certificate.
pub fn reader() -> &'static Identity {
    static READ: std::sync::OnceLock<Identity> = std::sync::OnceLock::new();
    READ.get_or_init(|| Pki::shared().client(READER))
}

/// Sets limits of a configuration.
pub fn limits(options: &mut WeirOptions, limits: &Value) {
    let all = options.config["limits"].as_object_mut().expect("limits are an object");
    all.extend(limits.as_object().expect("an object").clone());
}

/// Open descriptors of a process.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count).unwrap_or(0)
}

/// Resident memory of a process.
pub fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let row = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    row.and_then(|row| row.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Processor time that a process has used.
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces; what follows it does not. 100 ticks a second on every Linux.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Runs all of these at once and gives what they give, in order.
pub fn at_once<T: Send, F: FnOnce() -> T + Send>(acts: Vec<F>) -> Vec<T> {
    std::thread::scope(|scope| {
        let running: Vec<_> = acts.into_iter().map(|act| scope.spawn(act)).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// How long something took.
pub fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (act(), began.elapsed())
}
