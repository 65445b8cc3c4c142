//! The way through the steps.
//!
//! One connection is open at a time, so that a tier with few of them is enough.
//! Must never: go on behind a step that failed, or end without leaving the group.

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
use super::{Patient, commit, group, principal, record, topics};

/// Goes the steps until one is not gone.
pub(super) fn examine(patient: &Patient, report: &mut Report) -> Result<(), Finding> {
    let bundle = Bundle::read(patient)?;
    report.names.principal = Some(plain(&bundle.manifest.principal));
    report.names.topic = patient.topic.as_ref().or(bundle.manifest.topics.first()).map(|topic| plain(topic));
    report.passed(Passed::new(bundle.seen()).with("serial", plain(&bundle.manifest.serial)));
    let reached = reach(patient, &bundle, report)?;
    let place = reached.place.clone();
    let Greeting { mut connection, verdict, served } = hands_shaken(patient, &bundle, reached, report)?;

    report.at(Step::Dates);
    let shown = connection.check().shown().and_then(|shown| shown.validity);
    let server = shown.ok_or_else(|| Finding::new(Fault::ServerCertificateBad, "its dates cannot be read"))?;
    let ours = Validity { from: bundle.facts.not_before, until: bundle.facts.not_after };
    let mut evidence = Evidence { now: patient.now(), ours, server, verdict, newest_record: None };
    let mut visit = Visit { patient, bundle: &bundle, versions: Versions::default(), first: place };
    let served = served.map(|versions| visit.versions = versions);
    if evidence.needs_a_record() && served.is_ok() {
        evidence.newest_record = newest_record(&visit, &mut connection);
    }
    evidence.judge().map_err(|fault| Finding::new(fault, evidence.seen()).with("now", time(evidence.now)))?;
    report.passed(with_dates(Passed::new(evidence.left()), &evidence));

    report.at(Step::Principal);
    served?;
    report.passed(principal::identify(&visit, &mut connection)?);
    report.at(Step::Topics);
    let (topics, passed) = topics::find(&visit, connection)?;
    report.passed(passed);
    member(&visit, topics, report)
}

/// The steps of a consumer that is let in.
fn member(visit: &Visit<'_>, topics: topics::Topics, report: &mut Report) -> Result<(), Finding> {
    report.at(Step::Group);
    let topic = topics.all.first().map(|topic| topic.name.clone()).unwrap_or_default();
    let (member, passed) = group::join(visit, &topic)?;
    report.passed(passed);
    let ended = read_and_commit(visit, &member, topics, report);
    member.leave(visit);
    ended
}

fn read_and_commit(
    visit: &Visit<'_>,
    member: &group::Member,
    topics: topics::Topics,
    report: &mut Report,
) -> Result<(), Finding> {
    report.at(Step::Record);
    let (record, passed) = record::read(visit, topics)?;
    report.passed(passed);
    report.at(Step::Commit);
    report.passed(commit::commit(visit, member, &record)?);
    Ok(())
}

/// A server that took a connection.
struct Reached {
    place: Place,
    addresses: Vec<SocketAddr>,
    tcp: TcpStream,
}

/// Of the places in the bundle, the first that can be connected to, as consumers do it.
fn reach(patient: &Patient, bundle: &Bundle, report: &mut Report) -> Result<Reached, Finding> {
    report.at(Step::Dns);
    let mut failed = None;
    let mut found = Vec::new();
    for place in &bundle.places {
        match place.resolve(patient.limit()) {
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
    let (began, deadline) = (Instant::now(), Deadline::after(patient.limit()));
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

fn hands_shaken(
    patient: &Patient,
    bundle: &Bundle,
    reached: Reached,
    report: &mut Report,
) -> Result<Greeting, Finding> {
    report.at(Step::Tls);
    let Reached { place, addresses, tcp } = reached;
    let deadline = Deadline::after(patient.limit());
    let connection = Connection::new(tcp, &place.host, bundle, patient.now());
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
