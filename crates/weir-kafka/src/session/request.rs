//! The way of a request: header, row, gate, judgement, and one entry in the queue.
//!
//! Must never: forward what was not judged, or forward the original bytes unless the gate proved them canonical and
//! nothing was cut from them.

use bytes::Bytes;

use super::in_flight::{AtBroker, InFlight, Source};
use super::{Session, Turn};
use crate::answer::LocalAnswer;
use crate::apis::{self, Forward, ForwardBody, Judged, Request};
use crate::cleared::Cleared;
use crate::env::Env;
use crate::fault::Fault;
use crate::header::{self, RequestHeader};
use crate::outcome::Refusals;
use crate::table::{self, Disposition, Row};

/// DeleteShareGroupOffsets: all keys up to it are, or were, APIs of Kafka's.
const NEWEST_KEY: i16 = 92;

impl Session {
    /// Takes one request frame, without its length prefix, and says what it leads to.
    ///
    /// # Errors
    /// Where Kafka closes the connection without an answer, and where the bytes are not a request.
    pub fn take_request(&mut self, frame: &Bytes, env: &Env<'_>) -> Result<Turn, Fault> {
        let (api_key, version) = header::key_and_version(frame).map_err(Fault::Malformed)?;
        let row = table::row(api_key).ok_or_else(|| not_served(api_key))?;
        if !row.versions.holds(version) || !brokers_serve(row, version, env) {
            return self.take_unknown_version(row, version, frame, env);
        }
        let (client, body_start) =
            header::parse_request_header(frame, row.is_flexible(version)).map_err(Fault::Malformed)?;
        let body = frame.slice(body_start..);
        let mut entry = new_entry(row, version, client.correlation_id, frame, env);
        let request = Request { row, version, body, env };
        self.fetch_sessions.under_way = self.queue.len();
        match apis::judge(&request, &mut self.fetch_sessions, &mut entry.refusals)? {
            Judged::Answer(answer) => {
                entry.source = Source::Local(answer);
                self.queue.push_back(entry);
                Ok(Turn::Local)
            }
            Judged::Forward(forward) => Ok(Turn::Forward(self.forward(entry, &request, forward))),
        }
    }

    /// The dial failed before a byte of any request was written: what waited for the broker is answered with the code
    /// that makes a client try again.
    ///
    /// # Errors
    /// Where a request has no such answer, a fault of Weir's own: nothing is made up for it.
    pub fn broker_unreachable(&mut self) -> Result<(), Fault> {
        for entry in &mut self.queue {
            if let Source::Broker(at_broker) = &mut entry.source {
                let body = at_broker.if_unreachable.take().ok_or(Fault::NotEncodable)?;
                entry.source = Source::Local(LocalAnswer::Ready { body, not_before: None });
                entry.sent_upstream = None;
            }
        }
        Ok(())
    }

    fn forward(&mut self, mut entry: InFlight, request: &Request<'_>, forward: Forward) -> Cleared {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: entry.row.key,
            version: entry.version,
            correlation_id,
            client_id: Some(&self.upstream_client_id),
        };
        let body = match &forward.body {
            ForwardBody::Original => &request.body,
            ForwardBody::Encoded(body) => body,
        };
        let cleared = Cleared::judged(&header, entry.row.is_flexible(entry.version), body);
        entry.sent_upstream = Some(request.env.now);
        entry.source = Source::Broker(AtBroker {
            correlation_id,
            since: request.env.now,
            patience: forward.patience,
            withheld: forward.withheld,
            if_unreachable: forward.if_unreachable,
        });
        self.queue.push_back(entry);
        cleared
    }

    /// A version without a row: closed without an answer, except that ApiVersions is always answered (trap C10).
    fn take_unknown_version(
        &mut self,
        row: &'static Row,
        version: i16,
        frame: &Bytes,
        env: &Env<'_>,
    ) -> Result<Turn, Fault> {
        if row.key != table::API_VERSIONS || version < 0 {
            return Err(Fault::UnsupportedVersion);
        }
        let (client, _) = header::parse_request_header(frame, true).map_err(Fault::Malformed)?;
        // The answer has the form of version 0, which every client can read; the body is not looked at.
        let mut entry = new_entry(row, 0, client.correlation_id, frame, env);
        let body = apis::api_versions::unsupported_version(row).ok_or(Fault::NotEncodable)?;
        entry.source = Source::Local(LocalAnswer::Ready { body, not_before: None });
        self.queue.push_back(entry);
        Ok(Turn::Local)
    }
}

fn not_served(api_key: i16) -> Fault {
    if (0..=NEWEST_KEY).contains(&api_key) { Fault::ApiNotServed } else { Fault::UnknownApi }
}

/// Brokers close a connection over a version that they lack, and that would look like a fault of theirs.
fn brokers_serve(row: &Row, version: i16, env: &Env<'_>) -> bool {
    let asked = env.view.filter(|_| row.disposition == Disposition::Forward);
    asked.is_none_or(|view| view.versions.get(&row.key).is_some_and(|range| range.holds(version)))
}

fn new_entry(row: &'static Row, version: i16, client_correlation_id: i32, frame: &Bytes, env: &Env<'_>) -> InFlight {
    InFlight {
        row,
        version,
        client_correlation_id,
        source: Source::Local(LocalAnswer::Ready { body: Bytes::new(), not_before: None }),
        refusals: Refusals::default(),
        request_bytes: frame.len().saturating_add(4),
        response_bytes: 0,
        received: env.now,
        sent_upstream: None,
        upstream_answered: None,
    }
}
