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
use super::{Holder, text};

/// Which versions of which APIs are served.
#[derive(Debug, Default)]
pub(crate) struct Versions(HashMap<i16, (i16, i16)>);

impl Versions {
    pub(crate) fn of(answer: &ApiVersionsResponse) -> Self {
        Self(answer.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect())
    }

    /// The newest version that is served, of those up to `most`.
    pub(crate) fn newest<R: Request>(&self, most: i16) -> Option<i16> {
        let (min, max) = self.0.get(&R::KEY)?;
        Some(most.min(*max)).filter(|version| version >= min)
    }
}

/// One visit to a server, behind its first connection.
pub(crate) struct Visit<'a> {
    pub(crate) holder: &'a Holder,
    pub(crate) bundle: &'a Bundle,
    /// The topics that it is about; none for all that there are.
    pub(crate) topics: Vec<String>,
    pub(crate) versions: Versions,
    /// Where the first connection went.
    pub(crate) first: Place,
}

impl Visit<'_> {
    /// The end of a step that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.holder.limit())
    }

    /// A connection to a broker, at the address that the server shows for it.
    pub(crate) fn dial(&self, place: &Place, deadline: Deadline) -> Result<Connection, Finding> {
        let unreachable = |why: String| {
            Finding::new(Fault::BrokerUnreachable, format!("{place}: {why}")).with("broker", place.to_string())
        };
        let left = deadline.left().ok_or_else(|| unreachable("no time was left".to_owned()))?;
        let of_finding = |finding: Finding| unreachable(format!("{}, {}", finding.fault.name(), finding.seen));
        let addresses = place.resolve(left).map_err(of_finding)?;
        let tcp = Place::connect(&addresses, deadline).map_err(of_finding)?;
        let connection = Connection::new(tcp, &place.host, self.bundle, self.holder.now());
        let mut connection = connection.map_err(|end| unreachable(shown(&end)))?;
        connection.shake_hands(deadline).map_err(|end| match end {
            // As on the first connection: it was let in, and now there are too many, or it is let in no more.
            End::Closed if connection.check().shown().is_some() => lost(&End::Closed),
            end => unreachable(shown(&end)),
        })?;
        Ok(connection)
    }

    /// Asks in the newest version up to `most` that is served.
    pub(crate) fn ask<R: Request>(
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
pub(crate) struct Line<'a> {
    visit: &'a Visit<'a>,
    place: &'a Place,
    deadline: Deadline,
    connection: Option<Connection>,
}

impl<'a> Line<'a> {
    /// Nothing is dialled yet.
    pub(crate) fn new(visit: &'a Visit<'a>, place: &'a Place, deadline: Deadline) -> Self {
        Self { visit, place, deadline, connection: None }
    }

    /// Asks, if need be on a few connections.
    pub(crate) fn ask<R: Request>(&mut self, most: i16, request: &R) -> Result<R::Response, Finding> {
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

    /// The newest version up to `most` that is served.
    pub(crate) fn newest<R: Request>(&self, most: i16) -> Option<i16> {
        self.visit.versions.newest::<R>(most)
    }

    /// Waits a moment for another try; whether there is time for one.
    pub(crate) fn again(&mut self) -> bool {
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
pub(crate) fn refused(what: &str, code: i16) -> Finding {
    Finding::new(Fault::Refused, format!("{what}: error {code}")).with("code", code)
}

/// Text as Kafka's messages hold it.
pub(crate) fn text_of(text: &str) -> kafka_protocol::protocol::StrBytes {
    kafka_protocol::protocol::StrBytes::from_string(text.to_owned())
}

/// A name that a server wrote.
pub(crate) fn name_of(name: &str) -> String {
    text::plain(name)
}

/// Kafka's error codes that mean something here.
pub(crate) mod code {
    pub(crate) const NONE: i16 = 0;
    pub(crate) const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub(crate) const UNKNOWN_TOPIC: i16 = 3;
    pub(crate) const LEADER_NOT_AVAILABLE: i16 = 5;
    pub(crate) const NOT_LEADER: i16 = 6;
    pub(crate) const TIMED_OUT: i16 = 7;
    pub(crate) const NOT_AVAILABLE: i16 = 8;
    pub(crate) const COORDINATOR_LOADING: i16 = 14;
    pub(crate) const NO_COORDINATOR: i16 = 15;
    pub(crate) const NOT_COORDINATOR: i16 = 16;
    pub(crate) const ILLEGAL_GENERATION: i16 = 22;
    pub(crate) const INVALID_GROUP: i16 = 24;
    pub(crate) const UNKNOWN_MEMBER: i16 = 25;
    pub(crate) const REBALANCE: i16 = 27;
    pub(crate) const COMMIT_TOO_LARGE: i16 = 28;
    pub(crate) const TOPIC_REFUSED: i16 = 29;
    pub(crate) const GROUP_REFUSED: i16 = 30;
    pub(crate) const NO_TIMES: i16 = 43;
    pub(crate) const MEMBER_ID_REQUIRED: i16 = 79;
    pub(crate) const GROUP_FULL: i16 = 81;
    pub(crate) const STALE_MEMBER: i16 = 113;
}
