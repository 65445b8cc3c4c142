//! The way from a bundle to a server that lets its holder in, by the first steps.
//!
//! One connection is open at a time, so that a tier with few of them is enough.
//! Must never: go on behind a step that failed.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::bundle::Bundle;
use super::connection::Connection;
use super::dates::{Evidence, Validity};
use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::{Finding, Passed};
use super::greeting::{Greeting, greet, shown};
use super::place::Place;
use super::report::Report;
use super::step::Step;
use super::text::{plain, time};
use super::visit::{Versions, Visit};
use super::{Holder, principal, record, topics};

/// The first step: the files. `topic` is the one that the user names, if any.
pub(crate) fn unpack(holder: &Holder, topic: Option<&String>, report: &mut Report) -> Result<Bundle, Finding> {
    let bundle = Bundle::read(holder)?;
    report.names.principal = Some(plain(&bundle.manifest.principal));
    report.names.topic = topic.or(bundle.manifest.topics.first()).map(|topic| plain(topic));
    report.passed(Passed::new(bundle.seen()).with("serial", plain(&bundle.manifest.serial)));
    Ok(bundle)
}

/// The steps up to the one that says who the holder is there. `topics` are those that the visit is about.
pub(crate) fn arrive<'a>(
    holder: &'a Holder,
    bundle: &'a Bundle,
    topics: Vec<String>,
    report: &mut Report,
) -> Result<(Visit<'a>, Connection), Finding> {
    let reached = reach(holder, bundle, report)?;
    let first = reached.place.clone();
    let Greeting { mut connection, verdict, served } = hands_shaken(holder, bundle, reached, report)?;

    report.at(Step::Dates);
    let shown = connection.check().shown().and_then(|shown| shown.validity);
    let server = shown.ok_or_else(|| Finding::new(Fault::ServerCertificateBad, "its dates cannot be read"))?;
    let ours = Validity { from: bundle.facts.not_before, until: bundle.facts.not_after };
    let mut evidence = Evidence { now: holder.now(), ours, server, verdict, newest_record: None };
    let mut visit = Visit { holder, bundle, topics, versions: Versions::default(), first };
    let served = served.map(|versions| visit.versions = versions);
    if evidence.needs_a_record() && served.is_ok() {
        evidence.newest_record = newest_record(&visit, &mut connection);
    }
    evidence.judge().map_err(|fault| Finding::new(fault, evidence.seen()).with("now", time(evidence.now)))?;
    report.passed(with_dates(Passed::new(evidence.left()), &evidence));

    report.at(Step::Principal);
    served?;
    report.passed(principal::identify(&visit, &mut connection)?);
    Ok((visit, connection))
}

/// A server that took a connection.
struct Reached {
    place: Place,
    addresses: Vec<SocketAddr>,
    tcp: TcpStream,
}

/// Of the places in the bundle, the first that can be connected to, as consumers do it.
fn reach(holder: &Holder, bundle: &Bundle, report: &mut Report) -> Result<Reached, Finding> {
    report.at(Step::Dns);
    let mut failed = None;
    let mut found = Vec::new();
    for place in &bundle.places {
        match place.resolve(holder.limit()) {
            Ok(addresses) => found.push((place, addresses)),
            Err(finding) => failed = failed.or(Some(finding)),
        }
    }
    if let Some(finding) = failed.filter(|_| found.is_empty()) {
        return Err(finding);
    }
    let told = found.iter().map(|(place, addresses)| {
        let addresses: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
        format!("{} is {}", plain(&place.host), addresses.join(", "))
    });
    report.passed(Passed::new(told.collect::<Vec<_>>().join("; ")));

    report.at(Step::Tcp);
    let (began, deadline) = (Instant::now(), Deadline::after(holder.limit()));
    let mut failed = None;
    for (place, addresses) in found {
        report.names.server = report.names.server.take().or(Some(place.to_string()));
        match Place::connect(&addresses, deadline) {
            Ok(tcp) => {
                report.names.server = Some(place.to_string());
                report.names.address = tcp.local_addr().ok().map(|local| local.ip().to_string());
                report.passed(connected(&tcp, began));
                return Ok(Reached { place: place.clone(), addresses, tcp });
            }
            Err(finding) => failed = failed.or(Some(finding)),
        }
    }
    Err(failed.unwrap_or_else(|| Finding::new(Fault::NameUnknown, "the bundle names no server")))
}

fn connected(tcp: &TcpStream, began: Instant) -> Passed {
    let shown = |address: std::io::Result<SocketAddr>| address.map(|address| address.to_string()).unwrap_or_default();
    let (peer, local) = (shown(tcp.peer_addr()), shown(tcp.local_addr()));
    let seen = format!("connected to {peer} from {local} in {} ms", began.elapsed().as_millis());
    Passed::new(seen).with("peer", peer).with("local", local)
}

fn hands_shaken(holder: &Holder, bundle: &Bundle, reached: Reached, report: &mut Report) -> Result<Greeting, Finding> {
    report.at(Step::Tls);
    let Reached { place, addresses, tcp } = reached;
    let deadline = Deadline::after(holder.limit());
    let connection = Connection::new(tcp, &place.host, bundle, holder.now());
    let connection = connection.map_err(|end| Finding::new(Fault::TlsBroken, shown(&end)))?;
    let greeting = greet(connection, &addresses, bundle, deadline)?;
    let version = greeting.connection.version().unwrap_or("TLS");
    let host = plain(&place.host);
    let seen = format!("{version}; the server's certificate is for {host}, and comes from the bundle's CA");
    report.passed(Passed::new(seen).with("version", version));
    Ok(greeting)
}

/// When the newest record was written, if one can be read: evidence, and no step.
fn newest_record(visit: &Visit<'_>, connection: &mut Connection) -> Option<i64> {
    let deadline = visit.deadline();
    let topics = topics::look(visit, connection, deadline).ok()?;
    record::newest(visit, &topics, deadline).ok()?.written
}

fn with_dates(passed: Passed, evidence: &Evidence) -> Passed {
    let Evidence { now, ours, server, .. } = evidence;
    passed
        .with("now", time(*now))
        .with("certificate_ends", time(ours.until))
        .with("server_certificate_ends", time(server.until))
}
