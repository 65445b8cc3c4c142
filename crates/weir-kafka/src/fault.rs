//! Why the protocol ends a connection: a closed list.
//!
//! Must never: hold a word of what the client or the broker sent.

use crate::wire::Malformed;

/// Why the protocol ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's request is not one: which rule it broke.
    Malformed(Malformed),
    /// A key that is none of Kafka's.
    UnknownApi,
    /// A key of Kafka's that is not served.
    ApiNotServed,
    /// An API that an operator has suspended.
    ApiSuspended,
    /// A version that is not served.
    UnsupportedVersion,
    /// A Produce that wants no answer: Kafka says no to it by closing.
    ProduceWithoutAnswer,
    /// The broker's answer is not one: which rule it broke.
    BrokerMalformed(Malformed),
    /// The broker's answer holds what was not asked for.
    BrokerUnasked,
    /// The broker answered another request, or none that was asked.
    BrokerDesync,
    /// The broker's answer has come to a topic that was lost since it was asked for.
    Revoked,
    /// The broker's answer is longer than what is held whole.
    BrokerAnswerTooLong,
    /// An answer could not be encoded: a fault of Weir's own.
    NotEncodable,
}
