//! What a connection on which a group's member speaks bears: heartbeats wait behind what throttles it (trap Q3).
//!
//! Must never: trust a body; of one that cannot be read nothing is learned.

use std::time::Duration;

use crate::apis::Request;
use crate::table::{self, Row};

/// The longest wait, however long the session is.
const LONGEST: Duration = Duration::from_secs(2);
/// A member that misses this share of its session is still one: it has the rest to be heard.
const SHARE: u32 = 3;

/// Whether a member of a group has spoken, and how long it can be silent.
#[derive(Debug, Default)]
pub(super) struct Member {
    bears: Option<Duration>,
}

impl Member {
    /// Takes note of a request.
    pub(super) fn heard(&mut self, request: &Request<'_>) {
        match request.row.key {
            table::JOIN_GROUP => {
                let bears = session_timeout(request).and_then(|session| session.checked_div(SHARE));
                let bears = bears.unwrap_or(LONGEST).min(LONGEST);
                self.bears = Some(self.bears.map_or(bears, |known| known.min(bears)));
            }
            table::SYNC_GROUP | table::HEARTBEAT | table::CONSUMER_GROUP_HEARTBEAT | table::OFFSET_COMMIT => {
                self.bears.get_or_insert(LONGEST);
            }
            _ => {}
        }
    }

    /// The longest wait without harm.
    pub(super) fn bears(&self) -> Option<Duration> {
        self.bears
    }
}

/// Whether a request is charged to the principal's account when it is judged.
pub(super) fn is_charged(row: &Row) -> bool {
    matches!(row.key, table::JOIN_GROUP | table::OFFSET_COMMIT | table::CONSUMER_GROUP_HEARTBEAT | table::LIST_OFFSETS)
}

/// What a JoinGroup names, behind the group.
fn session_timeout(request: &Request<'_>) -> Option<Duration> {
    let body = request.known_body().ok()?;
    let group = request.own_group(&body).ok()?.ok()?;
    let named = i32::from_be_bytes(*body.get(group.end..)?.first_chunk()?);
    // Zero or less is refused by the brokers, and says nothing of a member.
    u64::try_from(named).ok().filter(|named| *named > 0).map(Duration::from_millis)
}
