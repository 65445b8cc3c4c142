//! The row of small requests: a consumer's Fetch of 100 bytes, answered with 1 KB, one in flight on each connection, and
//! the CPU time of each request in Weir, in the bare relay and in every peer in turns.

mod pairs;

use super::Run;
use crate::bar::SMALL_REQUEST;
use crate::canned::{Answers, Size};
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::peers::{Contender, ENVOY, HAPROXY, NGINX, Peer};
use crate::proxy::Proxy;
use crate::small::Job;
use crate::stage::Stage;
use crate::stats::Series;
use pairs::Pairs;

/// Clients, each with one request in flight.
const CONNECTIONS: u32 = 8;
/// Requests of one figure, on each connection.
const REQUESTS: u32 = 4_000;
/// Requests before the counting, on each connection.
const WARM: u32 = 500;

/// Beside whom Weir is measured; it is judged against the first.
const PEERS: [&Peer; 3] = [&HAPROXY, &ENVOY, &NGINX];

/// What one proxy was measured at.
#[derive(Default)]
struct Side {
    /// CPU microseconds for each request.
    cost: Series,
    /// The share of the time in which the proxy's core was busy with it.
    busy: Series,
}

impl Side {
    fn take(&mut self, proxy: &Proxy, stage: &Stage) -> Result<(), Failure> {
        let job = Job { partitions: 1, ..Job::small(proxy.address, &stage.certificates)? };
        let mut pairs = Pairs::open(&job, CONNECTIONS, &stage.broker, &stage.answers)?;
        pairs.run(WARM)?;
        let before = proxy.settled_cpu()?;
        let time = pairs.run(REQUESTS)?;
        let used = proxy.settled_cpu()?.saturating_sub(before).as_secs_f64();
        self.cost.push(used * 1e6 / f64::from(REQUESTS * CONNECTIONS));
        self.busy.push(used / time.as_secs_f64());
        Ok(())
    }
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let answers = || Answers::of_sizes(&[Size::Small]);
    let stage = Stage::with(run, answers()?, answers()?)?;
    let start = |peer| Contender::start(peer, run, stage.broker.address, &stage.certificates);
    let mut contenders: Vec<Contender<Side>> = PEERS.into_iter().map(start).collect();
    let (mut weirs, mut bares) = (Side::default(), Side::default());
    for _ in run.rounds() {
        weirs.take(&stage.weir.proxy, &stage)?;
        bares.take(&stage.bare, &stage)?;
        for contender in &mut contenders {
            contender.take(|proxy, side| side.take(proxy, &stage));
        }
    }
    Ok(Found { lines: vec![line(&weirs, &bares, &contenders)], told: told(&weirs, &bares, &contenders), void: None })
}

fn line(weirs: &Side, bares: &Side, contenders: &[Contender<Side>]) -> Line {
    let cost = |side: &Side| Taken::cost(&side.cost);
    let line = Line::of(&SMALL_REQUEST, cost(weirs)).beside("bare relay", Ok(cost(bares)));
    contenders.iter().enumerate().fold(line, |line, (index, contender)| match contender.side() {
        Ok(side) if index == 0 => line.against(contender.peer.name, cost(side)),
        side => line.beside(contender.peer.name, side.map(cost)),
    })
}

fn told(weirs: &Side, bares: &Side, contenders: &[Contender<Side>]) -> Vec<String> {
    let measured = contenders.iter().filter_map(|contender| Some((contender.peer.name, contender.side().ok()?)));
    let sides = [("weir", weirs), ("bare relay", bares)].into_iter().chain(measured);
    let text = sides.map(|(name, side)| {
        let ratio = weirs.cost.against(&side.cost).median();
        format!("{name}: weir is {ratio:.3}x by pairs; core busy {:.0}%", side.busy.median() * 100.0)
    });
    text.collect()
}
