//! The row of slow readers: what the process takes while a thousand consumers, each with an answer of 50 MiB on its way,
//! read a few KiB in a second. What the kernel holds in its sockets is told beside: no proxy decides that alone.

use std::fs;
use std::thread;
use std::time::Duration;

use super::Run;
use crate::bar::SLOW_READERS;
use crate::broker::CannedBroker;
use crate::canned::{Answers, Size};
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::proxy::Proxy;
use crate::slow::SlowReaders;
use crate::small::Job;
use crate::tls::Certificates;
use crate::weir::Weir;

const READERS: usize = 1000;
/// How long they read until the first look at what came, and from there to the second.
const BEFORE: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_secs(15);
/// Samples of the memory: after so many parts of a second.
const SAMPLED: u32 = 5;
const KIB_IN_MIB: f64 = 1024.0;

/// What one process took.
struct Side {
    /// MiB before the readers came, and at the most.
    before: f64,
    most: f64,
    /// Bytes that came for each reader between the looks: the fewest and those of the median.
    fewest: u64,
    median: u64,
    /// MiB in the kernel's TCP buffers, of all processes of the bench.
    kernel: f64,
}

/// Measures. Memory does not depend on what else the machine does: each is taken once.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    let broker = CannedBroker::with(Answers::of_sizes(&[Size::Small, Size::Huge])?)?;
    let weir = Weir::start(&run.options.weir, broker.address, &certificates, dir, &run.log("weir"))?;
    let of_weir = take(&weir.proxy, &certificates)?;
    drop(weir);
    let bare = take(&Proxy::relay("relay", broker.address, &certificates)?, &certificates)?;
    let line = Line::of(&SLOW_READERS, Taken::once(of_weir.most)).against("bare relay", Taken::once(bare.most));
    // A reader for whom nothing comes is no slow reader, and what it costs says nothing.
    let void = (of_weir.fewest == 0).then(|| "Weir let a reader wait for ever".to_owned());
    Ok(Found { lines: vec![line], told: vec![told("weir", &of_weir), told("bare relay", &bare)], void })
}

fn told(name: &str, side: &Side) -> String {
    format!(
        "{name}: {:.1} MiB before, {:.1} at the most; in {} s {:.0} KiB came for the reader with the least, {:.0} for the \
         median; {:.0} MiB in all TCP buffers of the kernel",
        side.before,
        side.most,
        BETWEEN.as_secs(),
        side.fewest as f64 / 1024.0,
        side.median as f64 / 1024.0,
        side.kernel,
    )
}

fn take(proxy: &Proxy, certificates: &Certificates) -> Result<Side, Failure> {
    let before = proxy.pss()?;
    let mut most = before;
    let mut parts = 0;
    let mut readers = SlowReaders::open(&Job::small(proxy.address, certificates)?, READERS)?;
    let mut sample = || {
        parts += 1;
        if parts % SAMPLED == 0 {
            most = most.max(proxy.pss()?);
        }
        Ok(())
    };
    readers.read_for(BEFORE, &mut sample)?;
    let first = readers.arrived()?;
    readers.read_for(BETWEEN, &mut sample)?;
    let mut came: Vec<u64> = readers.arrived()?.iter().zip(&first).map(|(now, then)| now - then).collect();
    came.sort_unstable();
    let kernel = kernel_buffers().unwrap_or(f64::NAN);
    drop(readers);
    thread::sleep(Duration::from_millis(500));
    let (fewest, median) = (came[0], came[came.len() / 2]);
    Ok(Side { before: before / KIB_IN_MIB, most: most / KIB_IN_MIB, fewest, median, kernel })
}

/// In MiB.
fn kernel_buffers() -> Option<f64> {
    let text = fs::read_to_string("/proc/net/sockstat").ok()?;
    let tcp = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let pages: f64 = tcp.rsplit_once("mem ")?.1.trim().parse().ok()?;
    Some(pages * rustix::param::page_size() as f64 / 1024.0 / KIB_IN_MIB)
}
