//! The way of a request: header, row, gate, judgement, and one entry in the queue.
//!
//! Must never: forward what was not judged, or forward the original bytes unless the gate proved them canonical and
//! nothing was cut from them.

use std::ops::Range;

use bytes::Bytes;

use super::in_flight::{AtBroker, InFlight, Source};
use super::member;
use super::offer::Offer;
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
        if env.policy.suspends_api(row.name) {
            return Err(Fault::ApiSuspended);
        }
        let is_served = || brokers_serve(row, version, env) || self.offer.holds(row, version);
        if !row.versions.holds(version) || !is_served() {
            return self.take_unknown_version(row, version, frame, env);
        }
        let (client, body_start) =
            header::parse_request_header(frame, row.is_flexible(version)).map_err(Fault::Malformed)?;
        let body = frame.slice(body_start..);
        let mut refusals = Refusals::default();
        let request = Request { row, version, body, env };
        // Answers that nobody waits for any more may bring sessions, too.
        self.fetches.sessions.under_way = self.queue.len().saturating_add(self.dropped.len());
        self.charged |= member::is_charged(row);
        self.member.heard(&request);
        self.fetches.share.with_member = self.member.bears().is_some();
        match apis::judge(&request, &mut self.fetches, &mut refusals)? {
            Judged::Answer(answer) => {
                if api_key == table::API_VERSIONS {
                    self.offer = Offer::now(env);
                    self.software = apis::api_versions::software(&request).map(Box::new);
                }
                self.enqueue(row, version, client.correlation_id, frame, env, (Source::Local(answer), refusals));
                Ok(Turn::Local)
            }
            Judged::Forward(forward) => {
                let (cleared, at_broker) = self.forward(&request, forward)?;
                self.enqueue(row, version, client.correlation_id, frame, env, (Source::Broker(at_broker), refusals));
                Ok(Turn::Forward(cleared))
            }
        }
    }

    /// The dial failed before a byte of any request was written: what waited for the broker is answered with the code
    /// that makes a client try again.
    ///
    /// # Errors
    /// Where a request has no such answer, a fault of Weir's own: nothing is made up for it.
    pub fn broker_unreachable(&mut self) -> Result<(), Fault> {
        self.dropped.clear();
        self.fetches.share.give_all_back();
        for entry in &mut self.queue {
            if let Source::Broker(at_broker) = &mut entry.source {
                let body = at_broker.if_unreachable.take().ok_or(Fault::NotEncodable)?;
                entry.source = Source::Local(LocalAnswer::Ready { body: *body, not_before: None });
                entry.sent_upstream = false;
            }
        }
        Ok(())
    }

    /// What goes to the broker, and what is known of it from then on.
    fn forward(&mut self, request: &Request<'_>, forward: Forward) -> Result<(Cleared, AtBroker), Fault> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: request.row.key,
            version: request.version,
            correlation_id,
            client_id: Some(&self.upstream_client_id),
        };
        let flexible = request.row.is_flexible(request.version);
        let cleared = match &forward.body {
            ForwardBody::Original => Cleared::judged(&header, flexible, &[&request.body]),
            ForwardBody::Encoded(body) => Cleared::judged(&header, flexible, &[body]),
            ForwardBody::Renamed { body, shown } => {
                renamed(&header, flexible, body, shown.clone(), request.env).ok_or(Fault::NotEncodable)?
            }
        };
        let at_broker = AtBroker {
            correlation_id,
            generations: request.env.generations(),
            since: request.env.now,
            patience: forward.patience,
            withheld: forward.withheld,
            if_unreachable: forward.if_unreachable,
        };
        Ok((cleared, at_broker))
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
        let body = apis::api_versions::unsupported_version(row).ok_or(Fault::NotEncodable)?;
        let source = Source::Local(LocalAnswer::Ready { body, not_before: None });
        self.enqueue(row, 0, client.correlation_id, frame, env, (source, Refusals::default()));
        Ok(Turn::Local)
    }

    /// Made where it stands: an entry is large, and one that is made elsewhere is copied here.
    #[inline]
    fn enqueue(
        &mut self,
        row: &'static Row,
        version: i16,
        client_correlation_id: i32,
        frame: &Bytes,
        env: &Env<'_>,
        (source, refusals): (Source, Refusals),
    ) {
        if self.queue.capacity() == 0 {
            // Most connections have one request at a time.
            self.queue.reserve_exact(1);
        }
        self.queue.push_back(InFlight {
            row,
            version,
            client_correlation_id,
            sent_upstream: matches!(source, Source::Broker(_)),
            source,
            refusals,
            request_bytes: frame.len().saturating_add(4),
            response_bytes: 0,
            received: env.now,
            judged: env.now,
            upstream_answered: None,
            before: self.told,
        });
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

/// A request that begins with a group, with the brokers' name of the group.
fn renamed(
    header: &RequestHeader<'_>,
    flexible: bool,
    body: &[u8],
    shown: Range<usize>,
    env: &Env<'_>,
) -> Option<Cleared> {
    let rest = body.get(shown.end..)?;
    let group = std::str::from_utf8(body.get(shown)?).ok()?;
    let [weir, namespace, dot, group] = env.principal.real_group_pieces(group).ok()?.map(str::as_bytes);
    let length = [weir, namespace, dot, group].iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.len()));
    let (field, field_len) = length_field(length, flexible)?;
    Some(Cleared::judged(header, flexible, &[field.get(..field_len)?, weir, namespace, dot, group, rest]))
}

/// The length field of a group's name, which is never as long as two bytes could say.
fn length_field(length: usize, flexible: bool) -> Option<([u8; 2], usize)> {
    let length = u16::try_from(length).ok().filter(|length| *length < 1 << 13)?;
    if !flexible {
        return Some((length.to_be_bytes(), 2));
    }
    let [high, low] = length.saturating_add(1).saturating_mul(2).to_be_bytes();
    // Seven bits in each byte, the lowest first, and a bit that says whether another follows.
    Some(if high == 0 { ([low >> 1, 0], 1) } else { ([(low >> 1) | 0x80, high], 2) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reader, put_unsigned_varint};

    #[test]
    fn the_length_of_a_group_is_written_as_any_other() {
        for length in (0..1_000).chain([8_190, 8_191]) {
            let (field, field_len) = length_field(length, true).unwrap();
            let mut varint = Vec::new();
            put_unsigned_varint(&mut varint, u32::try_from(length).unwrap() + 1);
            assert_eq!(&field[..field_len], varint);
            let (field, field_len) = length_field(length, false).unwrap();
            assert_eq!((Reader::new(&field).i16(), field_len), (Ok(i16::try_from(length).unwrap()), 2));
        }
        assert!(length_field(8_192, true).is_none());
    }
}
