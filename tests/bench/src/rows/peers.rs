//! The row of bulk Fetch against what operators use today: Weir, the bare relay and every peer in turns.

use super::Run;
use super::bulk_fetch::Side;
use crate::bar::{BULK_ENVOY, BULK_HAPROXY, BULK_HAPROXY_256K, Figure};
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::load::Job;
use crate::peers::{Contender, ENVOY, HAPROXY, HAPROXY_256K, HITCH, NGINX, NGINX_64K, Peer, STUNNEL};
use crate::proxy::Proxy;
use crate::stage::Stage;

/// Answers of one figure, over all its connections: half a gigabyte.
const ANSWERS: u32 = 512;
const VERSION: i16 = 17;
const CONNECTIONS: u32 = 8;
/// Where a CPU makes the bare relay's own ratio larger than the mark, Weir must stay as near to that.
const NEAR_THE_BARE_RELAY: f64 = 1.10;

/// Against whom Weir is judged, and by what.
const JUDGED: [(&Figure, &Peer); 3] =
    [(&BULK_HAPROXY, &HAPROXY), (&BULK_HAPROXY_256K, &HAPROXY_256K), (&BULK_ENVOY, &ENVOY)];
/// Who is told beside.
const TOLD: [&Peer; 4] = [&NGINX, &NGINX_64K, &STUNNEL, &HITCH];

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let Stage { bare, weir, broker, answers, certificates } = Stage::start(run)?;
    let peers = JUDGED.iter().map(|(_, peer)| *peer).chain(TOLD);
    let start = |peer| Contender::start(peer, run, broker.address, &certificates);
    let mut contenders: Vec<Contender<Side>> = peers.map(start).collect();
    let config = certificates.client_config()?;
    let job = |proxy: &Proxy| Job {
        target: proxy.address,
        config: config.clone(),
        version: VERSION,
        connections: CONNECTIONS,
        asks_refused: false,
    };
    let (mut weirs, mut bares) = (Side::default(), Side::default());
    for _ in run.rounds() {
        weirs.take(&weir.proxy, &job(&weir.proxy), &answers, ANSWERS)?;
        bares.take(&bare, &job(&bare), &answers, ANSWERS)?;
        for contender in &mut contenders {
            contender.take(|proxy, side| side.take(proxy, &job(proxy), &answers, ANSWERS));
        }
    }
    Ok(Found { lines: lines(&weirs, &bares, &contenders), told: told(&weirs, &bares, &contenders), void: None })
}

fn lines(weirs: &Side, bares: &Side, contenders: &[Contender<Side>]) -> Vec<Line> {
    let (weir, bare) = (Taken::cost(&weirs.cost), Taken::cost(&bares.cost));
    let judged = JUDGED.iter().zip(contenders).map(|((figure, _), contender)| {
        let line = Line::of(figure, weir).beside("bare relay", Ok(bare));
        match cost(contender) {
            Ok(cost) => Line {
                must: Some(figure.must.max(NEAR_THE_BARE_RELAY * bare.best / cost.best)),
                ..line.against(contender.peer.name, cost)
            },
            Err(why) => line.beside(contender.peer.name, Err(why)),
        }
    });
    let others = Line::told("bulk Fetch beside others", "CPU-s/GB", weir).against("bare relay", bare);
    let others =
        contenders.iter().skip(JUDGED.len()).fold(others, |line, other| line.beside(other.peer.name, cost(other)));
    judged.chain([others]).collect()
}

fn cost(contender: &Contender<Side>) -> Result<Taken, String> {
    contender.side().map(|side| Taken::cost(&side.cost))
}

fn told(weirs: &Side, bares: &Side, contenders: &[Contender<Side>]) -> Vec<String> {
    let measured = contenders.iter().filter_map(|contender| Some((contender.peer.name, contender.side().ok()?)));
    let sides = [("weir", weirs), ("bare relay", bares)];
    let sides = sides.into_iter().chain(measured);
    let text = sides.map(|(name, side)| {
        let ratio = weirs.cost.against(&side.cost).median();
        let (busy, records) = (side.busy.median() * 100.0, side.records.median());
        format!("{name}: weir is {ratio:.3}x by pairs; core busy {busy:.0}%; TLS records {records:.0}")
    });
    text.collect()
}
