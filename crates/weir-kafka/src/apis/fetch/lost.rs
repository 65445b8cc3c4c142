//! What a Fetch that waits at the broker has lost since it was judged, and the answer that it gets then (trap C17).
//!
//! Must never: give a record, or tell anything of a topic but that it may not be read.

use bytes::Bytes;

use super::answer::{encode_top_level, put_all};
use super::topics::FetchTopics;
use super::{Asked, FetchSessions, SESSIONS, verdict};
use crate::env::Env;
use crate::refusal::{code, code_of};

impl Asked {
    /// The topics as they are judged now, if one that was asked for may not be read any more.
    pub(crate) fn lost(&self, env: &Env<'_>) -> Option<FetchTopics> {
        if self.generations == env.generations() {
            return None;
        }
        let lost = self.topics.iter().any(|topic| topic.refused.is_none() && verdict(topic.key, env).is_err());
        lost.then(|| self.topics.judged(|key| verdict(key, env).err()))
    }

    /// Weir's own answer in place of the broker's. In a session the client starts anew, with its full list; without one
    /// it is told what it lost, and that of the rest nothing has come.
    pub(crate) fn answer_lost(&self, version: i16, lost: &FetchTopics, sessions: &mut FetchSessions) -> Bytes {
        if let Some(id) = self.session {
            sessions.retire(id);
            return encode_top_level(version, code::FETCH_SESSION_ID_NOT_FOUND);
        }
        put_all(version, lost, |topic| topic.refused.map_or(code::NONE, code_of))
    }

    /// Where the number of a new session stands in the broker's answer, behind the response header; nothing where there
    /// can be none.
    pub(crate) fn new_session_at(&self, version: i16) -> Option<usize> {
        // Throttle time and error code.
        (self.session.is_none() && version >= SESSIONS).then_some(6)
    }
}
