//! A request that an API's file judges, and what the file may say of it: answered here, or on its way to the broker.
//!
//! A group is renamed in the request's own bytes where nothing else changes (`forward_body` with a place), and in the
//! decoded message where something does (`real_group`).
//! Must never: hand a body to anybody that the gate has not walked.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::GroupId;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use weir_policy::{Operation, Reason, Resource};

use super::Withheld;
use crate::answer::LocalAnswer;
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::gate::{self, Passed};
use crate::known::known_only;
use crate::outcome::Refusals;
use crate::refusal::code_of;
use crate::skim;
use crate::table::{Deadline, Row};

/// The time of a request that names none.
pub(crate) const NAMES_NO_TIME: i32 = 0;

/// One request, cut and named but not yet judged.
pub(crate) struct Request<'a> {
    pub row: &'static Row,
    pub version: i16,
    pub body: Bytes,
    pub env: &'a Env<'a>,
}

/// What a request was judged to be.
pub(crate) enum Judged {
    /// Weir answers.
    Answer(LocalAnswer),
    /// The broker answers.
    Forward(Forward),
}

/// A request on its way to the broker.
pub(crate) struct Forward {
    pub body: ForwardBody,
    pub withheld: Withheld,
    pub patience: Duration,
    pub if_unreachable: Option<Box<Bytes>>,
}

/// The bytes that go to the broker.
pub(crate) enum ForwardBody {
    /// The client's own: nothing was touched, and the gate proved them canonical.
    Original,
    /// Encoded anew.
    Encoded(Bytes),
    /// A body that says no more than it may, whose first field is a group: the brokers' name of it stands there instead.
    Renamed {
        /// The walked body.
        body: Bytes,
        /// The group as the client writes it, and the end of its field.
        shown: Range<usize>,
    },
}

impl Request<'_> {
    /// Walks the body.
    pub(crate) fn walk(&self) -> Result<Passed, Fault> {
        gate::walk(self.row.request, self.version, &self.body, &self.env.limits.request).map_err(Fault::Malformed)
    }

    /// Walks the body and decodes it.
    pub(crate) fn decode<M: Decodable>(&self) -> Result<M, Fault> {
        codec::decode(self.row.request, self.version, &self.body, &self.env.limits.request).map_err(Fault::Malformed)
    }

    /// An answer of Weir's own, due at once.
    pub(crate) fn answer<M: Encodable>(&self, response: &M) -> Result<Judged, Fault> {
        self.answer_not_before(response, None)
    }

    /// An answer of Weir's own, due at an instant.
    pub(crate) fn answer_not_before<M: Encodable>(
        &self,
        response: &M,
        not_before: Option<Instant>,
    ) -> Result<Judged, Fault> {
        let body = codec::encode(response, self.version).ok_or(Fault::NotEncodable)?;
        Ok(Judged::Answer(LocalAnswer::Ready { body, not_before }))
    }

    /// The body, walked, without what is unknown in it: what it says may be said, whatever it asks for.
    pub(crate) fn known_body(&self) -> Result<Bytes, Fault> {
        if self.walk()?.canonical {
            return Ok(self.body.clone());
        }
        known_only(self.row.request, self.version, &self.body).map_err(Fault::Malformed)
    }

    /// A known body that begins with a group of the principal's: where the group stands in it.
    pub(crate) fn own_group(&self, body: &[u8]) -> Result<Result<Range<usize>, Reason>, Fault> {
        let (shown, end) = skim::first_text(self.row.request, self.version, body).map_err(Fault::Malformed)?;
        let judged = self.env.judge(Operation::Read, Resource::Group(shown));
        Ok(judged.map(|()| end.saturating_sub(shown.len())..end))
    }

    /// A request of a group's member: the group is renamed, and the answer passes. `answer` makes one that is a code.
    pub(crate) fn forward_for_member<R: Encodable>(
        &self,
        named_time: i32,
        refusals: &mut Refusals,
        answer: impl Fn(i16) -> R,
    ) -> Result<Judged, Fault> {
        let body = self.known_body()?;
        match self.own_group(&body)? {
            Err(reason) => {
                refusals.add(reason, 1);
                self.answer(&answer(code_of(reason)))
            }
            Ok(shown) => {
                let if_unreachable = self.if_unreachable(|| answer(self.row.unreachable_code()))?;
                let body = ForwardBody::Renamed { body, shown };
                Ok(self.forward_body(body, Withheld::Nothing, self.patience(named_time), if_unreachable))
            }
        }
    }

    /// The request goes to the broker with this body.
    pub(crate) fn forward_body(
        &self,
        body: ForwardBody,
        withheld: Withheld,
        patience: Duration,
        if_unreachable: Option<Box<Bytes>>,
    ) -> Judged {
        Judged::Forward(Forward { body, withheld, patience, if_unreachable })
    }

    /// The request goes to the broker, encoded anew.
    pub(crate) fn forward<M: Encodable, R: Encodable>(
        &self,
        message: &M,
        withheld: Withheld,
        if_unreachable: impl FnOnce() -> R,
    ) -> Result<Judged, Fault> {
        let if_unreachable = self.if_unreachable(if_unreachable)?;
        self.forward_prepared(message, withheld, self.patience(NAMES_NO_TIME), if_unreachable)
    }

    /// The request goes to the broker, encoded anew, and its retriable answer is already made.
    pub(crate) fn forward_prepared<M: Encodable>(
        &self,
        message: &M,
        withheld: Withheld,
        patience: Duration,
        if_unreachable: Option<Box<Bytes>>,
    ) -> Result<Judged, Fault> {
        let body = codec::encode(message, self.version).ok_or(Fault::NotEncodable)?;
        Ok(Judged::Forward(Forward { body: ForwardBody::Encoded(body), withheld, patience, if_unreachable }))
    }

    /// The retriable answer, made only where the broker's connection is not open yet.
    pub(crate) fn if_unreachable<R: Encodable>(&self, answer: impl FnOnce() -> R) -> Result<Option<Box<Bytes>>, Fault> {
        if self.env.broker_connected {
            return Ok(None);
        }
        codec::encode(&answer(), self.version).map(|body| Some(Box::new(body))).ok_or(Fault::NotEncodable)
    }

    /// Whether the principal may do this to a topic.
    pub(crate) fn judge_topic(&self, operation: Operation, topic: &str) -> Result<(), Reason> {
        self.env.judge(operation, Resource::Topic(topic))
    }

    /// The name that the brokers know for a group that the principal may read.
    pub(crate) fn real_group(&self, shown: &GroupId) -> Result<GroupId, Reason> {
        self.real_group_for(Operation::Read, shown)
    }

    /// The name that the brokers know for a group to which the principal may do this.
    pub(crate) fn real_group_for(&self, operation: Operation, shown: &GroupId) -> Result<GroupId, Reason> {
        let shown: &str = shown;
        self.env.judge(operation, Resource::Group(shown))?;
        let real = self.env.principal.real_group(shown)?;
        Ok(GroupId(StrBytes::from_string(real.as_str().to_owned())))
    }

    /// How long the broker may take, by the row. `named` is the time that the request itself allows, in milliseconds.
    pub(crate) fn patience(&self, named: i32) -> Duration {
        let limits = self.env.limits;
        match self.row.deadline {
            Deadline::Fixed => limits.answer,
            Deadline::MaxWait | Deadline::Rebalance => {
                let named = Duration::from_millis(u64::try_from(named).unwrap_or(0));
                named.saturating_add(limits.answer_slack)
            }
        }
    }
}
