//! The row of latency: what an idle proxy adds to the time of a small request.
//!
//! One thread is both the client and its broker, and neither sleeps while a request is under way: so a direct request
//! wakes nobody, and one through a proxy wakes the proxy alone, twice, on its idle core. That is in the figure, as are
//! the client's own encryption and decryption; a wake-up of clients and brokers is not, for they have it without a proxy
//! as well. All ways take turns. The floor is what this machine takes for a relay without TLS and without a thought: two
//! wake-ups, two reads and two writes. Where the floor alone is above a mark, no proxy can be below it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::Run;
use crate::bar::{Figure, LATENCY_P50, LATENCY_P99};
use crate::failure::{Context, Failure};
use crate::fetch::PATIENCE;
use crate::line::{Found, Line, Taken};
use crate::pair::Pair;
use crate::peers::HAPROXY;
use crate::quantiles::Quantiles;
use crate::small::{Job, RECEIVED};
use crate::stage::Stage;
use crate::stats::Series;

/// Requests of each way in a round.
const REQUESTS: usize = 5000;
/// Those before the counting.
const WARM: usize = 100;
/// Between two requests: each way rests for more than a millisecond, for there are five.
const PAUSE: Duration = Duration::from_micros(200);

/// One way from the client to the broker.
struct Way {
    pair: Pair,
    /// What was taken in this round.
    took: Quantiles,
    /// Microseconds, by round.
    p50: Series,
    p99: Series,
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let stage = Stage::start(run)?;
    let Stage { certificates, bare, weir, broker, .. } = &stage;
    let open = |target: SocketAddr, is_proxy: bool| -> Result<Way, Failure> {
        let mut job = Job::small(target, certificates)?;
        job.config = job.config.filter(|_| is_proxy);
        Way::open(&job, &stage)
    };
    let floor = floor(broker.address)?;
    let mut ways = vec![
        open(broker.address, false)?,
        open(weir.proxy.address, true)?,
        open(bare.address, true)?,
        open(floor, false)?,
    ];
    let haproxy = HAPROXY.start(run, broker.address, certificates);
    let missing = haproxy.as_ref().err().cloned();
    ways.extend(haproxy.as_ref().ok().map(|proxy| open(proxy.address, true)).transpose()?);
    for _ in run.rounds() {
        take_round(&mut ways)?;
    }
    let [direct, weir, bare, floor, peer @ ..] = &ways[..] else { return Err(Failure::new("a way is gone")) };
    let line = |figure: &'static Figure, of: fn(&Way) -> &Series| {
        let added = |way: &Way| Taken::cost(&of(way).minus(of(direct)));
        let peer = peer.first().map(added).ok_or_else(|| missing.clone().unwrap_or_default());
        let line = Line::of(figure, added(weir)).against("bare relay", added(bare));
        line.beside("floor", Ok(added(floor))).beside(HAPROXY.name, peer)
    };
    let lines = vec![line(&LATENCY_P50, |way| &way.p50), line(&LATENCY_P99, |way| &way.p99)];
    let told = ["direct", "weir", "bare relay", "floor", HAPROXY.name]
        .into_iter()
        .zip(&ways)
        .map(|(name, way)| format!("{name}: p50 {:.1} us, p99 {:.1} us", way.p50.median(), way.p99.median()));
    Ok(Found { lines, told: told.chain(above(direct, floor)).collect(), void: None })
}

/// Where the machine alone is above a mark: it wakes up slowly, or somebody else has the core.
fn above(direct: &Way, floor: &Way) -> Option<String> {
    let is_above = |figure: &Figure, floor: &Series, direct: &Series| floor.minus(direct).minimum() > figure.must;
    let p50 = is_above(&LATENCY_P50, &floor.p50, &direct.p50);
    let p99 = is_above(&LATENCY_P99, &floor.p99, &direct.p99);
    (p50 || p99).then(|| "the floor alone is above a mark: this run says nothing of the proxies against it".to_owned())
}

/// Starts the floor, on a thread that ends with the process. It knows that a request is followed by its answer.
fn floor(upstream: SocketAddr) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the floor cannot listen")?;
    let address = listener.local_addr().context("the floor has no address")?;
    let relay = move || -> io::Result<()> {
        let (mut client, mut broker) = (listener.accept()?.0, TcpStream::connect(upstream)?);
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        let mut buffer = vec![0; RECEIVED];
        loop {
            let request = client.read(&mut buffer)?;
            broker.write_all(&buffer[..request])?;
            let answer = broker.read(&mut buffer)?;
            client.write_all(&buffer[..answer])?;
            if request == 0 || answer == 0 {
                return Ok(());
            }
        }
    };
    // Its client says what went wrong.
    thread::spawn(move || crate::pin(&[crate::MEASURED]).map(|()| relay()));
    Ok(address)
}

fn take_round(ways: &mut [Way]) -> Result<(), Failure> {
    let stopped = "the client of the latency row stopped";
    // A pause is as long as it says.
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).context(stopped)?;
    let mut buffer = vec![0; RECEIVED];
    for request in 0..WARM + REQUESTS {
        for way in &mut *ways {
            let took = way.ask(&mut buffer).context(stopped)?;
            if request >= WARM {
                way.took.push(took);
            }
            thread::sleep(PAUSE);
        }
    }
    for way in ways {
        let took = std::mem::take(&mut way.took).sorted();
        way.p50.push(took.at(0.50));
        way.p99.push(took.at(0.99));
    }
    Ok(())
}

impl Way {
    fn open(job: &Job, stage: &Stage) -> Result<Self, Failure> {
        let pair = Pair::open(job, &stage.broker, &stage.answers)?;
        Ok(Self { pair, took: Quantiles::default(), p50: Series::default(), p99: Series::default() })
    }

    fn ask(&mut self, buffer: &mut [u8]) -> io::Result<Duration> {
        let began = Instant::now();
        let Pair { client, broker } = &mut self.pair;
        client.ask(1)?;
        while client.receive(buffer)? == 0 {
            broker.serve_what_came()?;
            if began.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(began.elapsed())
    }
}
