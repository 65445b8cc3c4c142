//! The row of idle connections: by how much a process grows for each, before it has a connection to the broker and after.
//!
//! Weir dials the broker for the first request that it cannot answer itself. Who does not know requests dials for every
//! client at once, so that its one figure stands beside Weir's second. What the kernel holds for sockets is not counted.

use std::thread;
use std::time::Duration;

use super::Run;
use crate::bar::{IDLE, IDLE_UPSTREAM};
use crate::broker::CannedBroker;
use crate::canned::Answers;
use crate::failure::{Context, Failure};
use crate::line::{Found, Line, Taken};
use crate::peers::HAPROXY;
use crate::proxy::Proxy;
use crate::small::{Client, Job};
use crate::tls::Certificates;
use crate::weir::Weir;

/// Idle connections.
const CONNECTIONS: u32 = 2500;
/// Connections before the counting: what is there once for all has come with them.
const WARM: u32 = 10;
/// A process that has nothing to do is at rest after so long.
const REST: Duration = Duration::from_millis(300);

/// Kilobytes for each connection.
struct Growth {
    idle: f64,
    upstream: f64,
}

/// Measures. Memory does not depend on what else the machine does: each is taken once.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    let (broker, answers) = (CannedBroker::start()?, Answers::new()?);
    let weir = Weir::start(&run.options.weir, broker.address, &certificates, dir, &run.log("weir"))?;
    let of_weir = take(&weir.proxy, &certificates, &answers)?;
    drop(weir);
    let bare = take(&Proxy::relay("relay", broker.address, &certificates)?, &certificates, &answers)?;
    let haproxy = HAPROXY
        .start(run, broker.address, &certificates)
        .and_then(|proxy| take(&proxy, &certificates, &answers).map_err(|failure| failure.to_string()));
    let lines = vec![
        Line::of(&IDLE, Taken::once(of_weir.idle)),
        Line::of(&IDLE_UPSTREAM, Taken::once(of_weir.upstream))
            .against("bare relay", Taken::once(bare.upstream))
            .beside(HAPROXY.name, haproxy.map(|growth| Taken::once(growth.upstream))),
    ];
    let told = format!("{CONNECTIONS} connections, each with a full handshake; those with upstream made two Fetches");
    Ok(Found { lines, told: vec![told], void: None })
}

/// Of a process that has just started.
fn take(proxy: &Proxy, certificates: &Certificates, answers: &Answers) -> Result<Growth, Failure> {
    let failed = "the idle connections cannot be opened";
    let job = Job::small(proxy.address, certificates)?;
    let connect = |count: u32| (0..count).map(|_| Client::connect(&job)).collect::<Result<Vec<_>, _>>().context(failed);
    let begin = |clients: &mut Vec<Client>| {
        clients.iter_mut().try_for_each(|client| client.begin_session(&job, answers)).context(failed)
    };
    let at_rest = || {
        thread::sleep(REST);
        proxy.pss()
    };
    begin(&mut connect(WARM)?)?;
    let before = at_rest()?;
    let mut clients = connect(CONNECTIONS)?;
    let idle = at_rest()?;
    begin(&mut clients)?;
    let upstream = at_rest()?;
    let each = |now: f64| (now - before) / f64::from(CONNECTIONS);
    Ok(Growth { idle: each(idle), upstream: each(upstream) })
}
