//! The row of the start: from `weir serve` to the first 200 of `/readyz`, with a broker that answers at once.

use super::Run;
use crate::bar::START;
use crate::broker::CannedBroker;
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir::Weir;

/// Starts in each round.
const STARTS: u32 = 5;

/// Measures. The exec of the bench itself, which puts Weir on its core, is in the figure: about a millisecond.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    let broker = CannedBroker::start()?;
    let mut time = Series::default();
    for _ in run.rounds() {
        for _ in 0..STARTS {
            let weir = Weir::start(&run.options.weir, broker.address, &certificates, dir, &run.log("weir"))?;
            time.push(weir.ready_after.as_secs_f64() * 1e3);
        }
    }
    let told = vec![format!("of {} starts the longest took {:.1} ms", STARTS * run.options.rounds, time.maximum())];
    Ok(Found { lines: vec![Line::of(&START, Taken::cost(&time))], told, void: None })
}
