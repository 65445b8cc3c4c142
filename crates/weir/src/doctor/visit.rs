//! What the steps behind TLS share: whom to ask, what is served, and what an end in the middle means.
//!
//! Must never: ask in a version that was not offered.

use std::collections::HashMap;

use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::protocol::Request;
use weir_kafka::table;

use super::bundle::Bundle;
use super::connection::{Connection, End};
use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::Finding;
use super::greeting::shown;
use super::place::Place;
use super::{Patient, text};

/// Which versions of which APIs are served.
#[derive(Debug, Default)]
pub(super) struct Versions(HashMap<i16, (i16, i16)>);

impl Versions {
    pub(super) fn of(answer: &ApiVersionsResponse) -> Self {
        Self(answer.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect())
    }

    /// The newest version that is served, of those up to `most`.
    pub(super) fn newest<R: Request>(&self, most: i16) -> Option<i16> {
        let (min, max) = self.0.get(&R::KEY)?;
        Some(most.min(*max)).filter(|version| version >= min)
    }
}

/// One examination, behind its first connection.
pub(super) struct Visit<'a> {
    pub(super) patient: &'a Patient,
    pub(super) bundle: &'a Bundle,
    pub(super) versions: Versions,
    /// Where the first connection went.
    pub(super) first: Place,
}

impl Visit<'_> {
    /// The end of a step that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.patient.limit())
    }

    /// A connection to a broker, at the address that the server shows for it.
    pub(super) fn dial(&self, place: &Place, deadline: Deadline) -> Result<Connection, Finding> {
        let unreachable = |why: String| {
            Finding::new(Fault::BrokerUnreachable, format!("{place}: {why}")).with("broker", place.to_string())
        };
        let left = deadline.left().ok_or_else(|| unreachable("no time was left".to_owned()))?;
        let of_finding = |finding: Finding| unreachable(format!("{}, {}", finding.fault.name(), finding.seen));
        let addresses = place.resolve(left).map_err(of_finding)?;
        let tcp = Place::connect(&addresses, deadline).map_err(of_finding)?;
        let connection = Connection::new(tcp, &place.host, self.bundle, self.patient.now());
        let mut connection = connection.map_err(|end| unreachable(shown(&end)))?;
        connection.shake_hands(deadline).map_err(|end| match end {
            // As on the first connection: it was let in, and now there are too many, or it is let in no more.
            End::Closed if connection.check().shown().is_some() => lost(&End::Closed),
            end => unreachable(shown(&end)),
        })?;
        Ok(connection)
    }

    /// Asks in the newest version up to `most` that is served.
    pub(super) fn ask<R: Request>(
        &self,
        connection: &mut Connection,
        most: i16,
        request: &R,
        deadline: Deadline,
    ) -> Result<R::Response, Finding> {
        let version = self.versions.newest::<R>(most).ok_or_else(|| {
            let name = table::row(R::KEY).map_or("", |row| row.name);
            Finding::new(Fault::ApiMissing, format!("{name} up to version {most} is not served")).with("api", name)
        })?;
        connection.ask(version, request, deadline).map_err(|end| lost(&end))
    }
}

/// One broker, asked one thing after the other. After "try again", and where the connection was lost, it is dialled
/// anew: Weir closes behind an answer that says that the broker is not there.
pub(super) struct Line<'a> {
    visit: &'a Visit<'a>,
    place: &'a Place,
    deadline: Deadline,
    connection: Option<Connection>,
}

impl<'a> Line<'a> {
    /// Nothing is dialled yet.
    pub(super) fn new(visit: &'a Visit<'a>, place: &'a Place, deadline: Deadline) -> Self {
        Self { visit, place, deadline, connection: None }
    }

    /// Asks, if need be on a few connections.
    pub(super) fn ask<R: Request>(&mut self, most: i16, request: &R) -> Result<R::Response, Finding> {
        let mut tries = TRIES;
        loop {
            match self.ask_once(most, request) {
                Err(finding) if finding.fault == Fault::ConnectionLost && tries > 0 && self.again() => {
                    tries = tries.saturating_sub(1);
                }
                answer => return answer,
            }
        }
    }

    /// Waits a moment for another try; whether there is time for one.
    pub(super) fn again(&mut self) -> bool {
        self.connection = None;
        self.deadline.pause()
    }

    fn ask_once<R: Request>(&mut self, most: i16, request: &R) -> Result<R::Response, Finding> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.visit.dial(self.place, self.deadline)?,
        };
        let answer = self.visit.ask(&mut connection, most, request, self.deadline)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

/// So often a lost connection is dialled anew.
const TRIES: u32 = 3;

/// Why there is no answer, in the middle of it.
fn lost(end: &End) -> Finding {
    let fault = match end {
        End::Silent => Fault::NoAnswer,
        End::Closed | End::Tls(_) => Fault::ConnectionLost,
        End::Length(_) | End::NotAnAnswer(_) => Fault::NotKafka,
        End::NotSpoken => Fault::ApiMissing,
    };
    Finding::new(fault, shown(end))
}

/// Refused with a code that has no fault of its own.
pub(super) fn refused(what: &str, code: i16) -> Finding {
    Finding::new(Fault::Refused, format!("{what}: error {code}")).with("code", code)
}

/// Text as Kafka's messages hold it.
pub(super) fn text_of(text: &str) -> kafka_protocol::protocol::StrBytes {
    kafka_protocol::protocol::StrBytes::from_string(text.to_owned())
}

/// A name that a server wrote.
pub(super) fn name_of(name: &str) -> String {
    text::plain(name)
}

/// Kafka's error codes that mean something here.
pub(super) mod code {
    pub(in super::super) const NONE: i16 = 0;
    pub(in super::super) const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub(in super::super) const UNKNOWN_TOPIC: i16 = 3;
    pub(in super::super) const LEADER_NOT_AVAILABLE: i16 = 5;
    pub(in super::super) const NOT_LEADER: i16 = 6;
    pub(in super::super) const TIMED_OUT: i16 = 7;
    pub(in super::super) const NOT_AVAILABLE: i16 = 8;
    pub(in super::super) const COORDINATOR_LOADING: i16 = 14;
    pub(in super::super) const NO_COORDINATOR: i16 = 15;
    pub(in super::super) const NOT_COORDINATOR: i16 = 16;
    pub(in super::super) const ILLEGAL_GENERATION: i16 = 22;
    pub(in super::super) const INVALID_GROUP: i16 = 24;
    pub(in super::super) const UNKNOWN_MEMBER: i16 = 25;
    pub(in super::super) const REBALANCE: i16 = 27;
    pub(in super::super) const COMMIT_TOO_LARGE: i16 = 28;
    pub(in super::super) const TOPIC_REFUSED: i16 = 29;
    pub(in super::super) const GROUP_REFUSED: i16 = 30;
    pub(in super::super) const MEMBER_ID_REQUIRED: i16 = 79;
    pub(in super::super) const GROUP_FULL: i16 = 81;
}
