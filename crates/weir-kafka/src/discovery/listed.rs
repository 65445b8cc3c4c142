//! What brokers say of each group that they list: its state and its protocol, where they are new enough to tell.
//!
//! Must never: make up what was not told.

use bytes::Bytes;
use kafka_protocol::messages::ListGroupsResponse;
use kafka_protocol::protocol::StrBytes;

use super::{BadAnswer, body};
use crate::codec;
use crate::gate::Budget;
use crate::shape::list_groups::RESPONSE;

/// The protocol of members that send JoinGroup, and of groups that only hold offsets.
pub const CLASSIC: &str = "classic";
/// The protocol of members that send ConsumerGroupHeartbeat (KIP-848).
pub const CONSUMER: &str = "consumer";

/// A group as its broker lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// The brokers' name of it.
    pub name: String,
    /// Its state, as the brokers name it; nothing where they are too old to tell.
    pub state: Option<String>,
    /// Its protocol in small letters; `CLASSIC` where the brokers know no other.
    pub protocol: String,
}

/// Reads an answer to ListGroups, header included: the groups that the broker coordinates.
///
/// # Errors
/// Where it is malformed, or an error: then it does not say all.
pub fn read_listed_groups(version: i16, answer: &Bytes) -> Result<Vec<ListedGroup>, BadAnswer> {
    let body = body(answer, RESPONSE.is_flexible(version))?;
    let message: ListGroupsResponse = codec::decode(&RESPONSE, version, &body, &Budget::RESPONSE)?;
    if message.error_code != 0 {
        return Err(BadAnswer::Code(message.error_code));
    }
    let told = |text: StrBytes| Some(text.to_string()).filter(|text| !text.is_empty());
    let listed = message.groups.into_iter().map(|group| ListedGroup {
        name: group.group_id.to_string(),
        state: told(group.group_state),
        protocol: told(group.group_type).map_or(CLASSIC.to_owned(), |kind| kind.to_ascii_lowercase()),
    });
    Ok(listed.collect())
}
