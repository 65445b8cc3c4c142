//! The fetch sessions of one client connection (KIP-227).
//!
//! Brokers look sessions up by number alone, so a number that was not given out on this connection is treated as none
//! (traps S3, C21). A session remembers every partition that the client asked for, the refused ones too.
//! Must never: know a session of another connection, or hold a verdict past the policy or the view that gave it.

use std::sync::Arc;

use std::time::Instant;

use weir_policy::SessionPlace;

use super::Asked;
use super::topics::FetchTopics;
use crate::env::Generations;
use crate::refusal::code;

/// One fetch session.
#[derive(Debug)]
pub(crate) struct FetchSession {
    /// Shared with the requests that are under way: what changes here later is not what they asked for.
    pub topics: Arc<FetchTopics>,
    /// By id or by name: the two do not mix (trap C22).
    pub by_id: bool,
    /// The policy and the view that the verdicts came from.
    pub generations: Generations,
    /// What the topics were before they last changed, until the broker has answered the request that changed them.
    before: Option<Arc<FetchTopics>>,
    place: SessionPlace,
}

impl FetchSession {
    pub(crate) fn new(topics: Arc<FetchTopics>, by_id: bool, generations: Generations, place: SessionPlace) -> Self {
        Self { topics, by_id, generations, before: None, place }
    }

    /// Whether the topics may change once more. No client changes them again before it has the answer to the last change:
    /// each change that nobody waits for would leave a whole list behind, for the few bytes that ask for it.
    pub(crate) fn may_change(&self) -> bool {
        self.before.is_none()
    }

    pub(crate) fn change(&mut self, topics: Arc<FetchTopics>) {
        self.before = Some(std::mem::replace(&mut self.topics, topics));
    }

    /// The broker has taken a request that asked for these topics. The first such is the one that changed them.
    fn taken(&mut self, asked: &Arc<FetchTopics>) {
        if self.before.is_some() && Arc::ptr_eq(asked, &self.topics) {
            self.before = None;
        }
    }

    /// The broker has not taken a request that asked for these topics, and its session is as it was before. False where
    /// what it is now cannot be told: others that build on the same change are under way.
    fn not_taken(&mut self, asked: &Asked) -> bool {
        if !Arc::ptr_eq(&asked.topics, &self.topics) {
            return true;
        }
        let Some(before) = self.before.take() else { return true };
        // The session's own, and this request's.
        let alone = Arc::strong_count(&asked.topics) == 2;
        self.topics = before;
        self.generations = asked.generations;
        alone
    }
}

/// A session that the broker still has and nobody uses: its number and its place.
pub(crate) type Retired = (i32, SessionPlace);

/// The fetch sessions of one connection, by the broker's number: so few that a list is searched.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    sessions: Vec<(i32, FetchSession)>,
    /// Sessions that are over here and not yet at the broker, which has a thousand for all its clients (trap A19).
    retired: Vec<Retired>,
    /// Requests of this connection that wait for their answers: each may bring a session.
    pub(crate) under_way: usize,
    most: usize,
}

impl FetchSessions {
    pub(crate) fn new(most: usize) -> Self {
        Self { sessions: Vec::new(), retired: Vec::new(), under_way: 0, most }
    }

    pub(crate) fn get_mut(&mut self, id: i32) -> Option<&mut FetchSession> {
        self.sessions.iter_mut().find(|(known, _)| *known == id).map(|(_, session)| session)
    }

    /// Forgets a session that the broker ends, or has ended; nothing where it was not this connection's.
    pub(crate) fn forget(&mut self, id: i32) -> Option<Retired> {
        let retired = self.retired.iter().position(|(retired, _)| *retired == id);
        let retired = retired.map(|place| self.retired.swap_remove(place));
        self.remove(id).map(|session| (id, session.place)).or(retired)
    }

    /// Forgets a session that the broker still has: the next full Fetch ends it there.
    pub(crate) fn retire(&mut self, id: i32) {
        let session = self.remove(id);
        self.retired.extend(session.map(|session| (id, session.place)));
    }

    /// A Fetch that would have ended this session does not reach the broker.
    pub(crate) fn not_ended(&mut self, session: Option<Retired>) {
        self.retired.extend(session);
    }

    /// A session that the broker still has and nobody uses.
    pub(crate) fn take_retired(&mut self) -> Option<Retired> {
        self.retired.pop()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.sessions.len().saturating_add(self.retired.len()).saturating_add(self.under_way) < self.most
    }

    /// An answer of the broker's was given whole: its session is remembered, goes on, or is forgotten.
    pub(crate) fn settle(&mut self, mut asked: Asked, error_code: i16, session_id: i32, by_id: bool) {
        match (asked.session, error_code) {
            (Some(id), code::NONE) if session_id == id => {
                if let Some(session) = self.get_mut(id) {
                    session.taken(&asked.topics);
                }
            }
            // The broker goes on with it, as if it had not been asked.
            (Some(id), code::INVALID_FETCH_SESSION_EPOCH) => {
                if self.get_mut(id).is_some_and(|session| !session.not_taken(&asked)) {
                    self.retire(id);
                }
            }
            (Some(id), code::NONE | code::FETCH_SESSION_ID_NOT_FOUND) => {
                drop(self.forget(id));
            }
            // The broker has it still, unless it says that there is none.
            (Some(id), _) => self.retire(id),
            (None, code::NONE) if session_id != 0 => {
                let Some(place) = asked.take_place() else { return };
                self.remember(session_id, FetchSession::new(asked.topics, by_id, asked.generations, place));
            }
            (None, _) => {}
        }
    }

    /// Remembers a session that the broker has just given out. One that nobody could ask for is none.
    fn remember(&mut self, id: i32, session: FetchSession) {
        drop(self.remove(id));
        if self.sessions.len() >= self.most {
            return;
        }
        // Nearly always the only one.
        self.sessions.reserve_exact(1);
        self.sessions.push((id, session));
    }

    /// The connection ends, and the broker keeps what it has until it gives the slots away.
    pub(crate) fn leave_behind(&mut self, now: Instant) {
        let places = self.sessions.drain(..).map(|(_, session)| session.place);
        places.chain(self.retired.drain(..).map(|(_, place)| place)).for_each(|place| place.leave_behind(now));
    }

    fn remove(&mut self, id: i32) -> Option<FetchSession> {
        let place = self.sessions.iter().position(|(known, _)| *known == id);
        place.map(|place| self.sessions.swap_remove(place).1)
    }
}
