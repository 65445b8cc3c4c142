//! The row of handshakes: mutual TLS, full and resumed, with ECDSA P-256 and with RSA-2048 on both sides, as many as one
//! second of the proxy's CPU time is enough for.
//!
//! The peers and the bare relay connect to the broker behind each handshake, as they do for whoever uses them; Weir waits
//! for a request.

mod clients;

use std::fs;

use super::Run;
use crate::bar::{HANDSHAKE_ENVOY, HANDSHAKE_HAPROXY};
use crate::broker::CannedBroker;
use crate::failure::{Context, Failure};
use crate::line::{Found, Line, Taken};
use crate::peers::{Contender, ENVOY, HAPROXY, Peer};
use crate::proxy::Proxy;
use crate::stats::Series;
use crate::tls::Certificates;
use crate::weir::Weir;
use clients::Clients;

/// Clients, each with one handshake at a time: fewer than Weir allows strangers from one address.
const CLIENTS: u32 = 8;
/// Handshakes of one figure, of each client.
const HANDSHAKES: u32 = 100;

/// Against whom Weir is judged.
const PEERS: [&Peer; 2] = [&HAPROXY, &ENVOY];
const UNIT: &str = "1/core/s";

/// Handshakes in each CPU second, full and resumed.
#[derive(Default)]
struct Side {
    full: Series,
    resumed: Series,
}

impl Side {
    fn take(&mut self, proxy: &Proxy, certificates: &Certificates) -> Result<(), Failure> {
        for (resume, series) in [(false, &mut self.full), (true, &mut self.resumed)] {
            let config = certificates.client_config()?;
            let mut clients = Clients::open(proxy.address, &config, CLIENTS, resume, HANDSHAKES)?;
            let before = proxy.settled_cpu()?;
            clients.run(HANDSHAKES)?;
            let used = proxy.settled_cpu()?.saturating_sub(before).as_secs_f64();
            series.push(f64::from(CLIENTS * HANDSHAKES) / used);
        }
        Ok(())
    }
}

/// All proxies with the certificates of one kind.
struct Kind {
    certificates: Certificates,
    weir: (Weir, Side),
    bare: (Proxy, Side),
    contenders: Vec<Contender<Side>>,
}

impl Kind {
    fn start(run: &Run, broker: &CannedBroker, certificates: Certificates) -> Result<Self, Failure> {
        let (upstream, dir) = (broker.address, &certificates.dir);
        let log = run.log(&format!("weir-{}", certificates.keys.to_lowercase()));
        let weir = Weir::start(&run.options.weir, upstream, &certificates, dir, &log)?;
        let bare = Proxy::relay("relay", upstream, &certificates)?;
        let start = |peer| Contender::start(peer, run, upstream, &certificates);
        let contenders = PEERS.into_iter().map(start).collect();
        Ok(Self { weir: (weir, Side::default()), bare: (bare, Side::default()), contenders, certificates })
    }

    fn take(&mut self) -> Result<(), Failure> {
        let Self { certificates, weir: (weir, weirs), bare: (bare, bares), contenders } = self;
        weirs.take(&weir.proxy, certificates)?;
        bares.take(bare, certificates)?;
        for contender in contenders {
            contender.take(|proxy, side| side.take(proxy, certificates));
        }
        Ok(())
    }

    /// Weir, with the others beside it.
    fn told(&self, resumed: bool) -> Line {
        let rate = |side: &Side| Taken::rate(if resumed { &side.resumed } else { &side.full });
        let name = format!("{} {} handshake", if resumed { "resumed" } else { "full" }, self.certificates.keys);
        let line = Line::told(name, UNIT, rate(&self.weir.1)).against("bare relay", rate(&self.bare.1));
        let add = |line: Line, peer: &Contender<Side>| line.beside(peer.peer.name, peer.side().map(rate));
        self.contenders.iter().fold(line, add)
    }

    /// Weir against the peers by whom it is judged.
    fn judged(&self) -> impl Iterator<Item = Line> + '_ {
        let rate = |side: &Side| Taken::rate(&side.full);
        [&HANDSHAKE_HAPROXY, &HANDSHAKE_ENVOY].into_iter().zip(&self.contenders).map(move |(figure, contender)| {
            let line = Line::of(figure, rate(&self.weir.1));
            match contender.side() {
                Ok(side) => line.against(contender.peer.name, rate(side)),
                Err(why) => line.beside(contender.peer.name, Err(why)),
            }
        })
    }
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = |name| {
        let dir = run.dir.path().join(name);
        fs::create_dir(&dir).context("a directory cannot be made")?;
        Ok::<_, Failure>(dir)
    };
    let broker = CannedBroker::start()?;
    let mut ecdsa = Kind::start(run, &broker, Certificates::make(&dir("ecdsa")?)?)?;
    let mut rsa = Kind::start(run, &broker, Certificates::make_rsa(&dir("rsa")?)?)?;
    for _ in run.rounds() {
        ecdsa.take()?;
        rsa.take()?;
    }
    let told = [ecdsa.told(false), ecdsa.told(true), rsa.told(false), rsa.told(true)];
    Ok(Found { lines: ecdsa.judged().chain(told).collect(), ..Found::default() })
}
