//! The fetch sessions of one client connection (KIP-227).
//!
//! Brokers look sessions up by number alone, so a number that was not given out on this connection is treated as none
//! (traps S3, C21). A session remembers every partition that the client asked for, the refused ones too.
//! Must never: know a session of another connection, or hold a verdict past the policy or the view that gave it.

use std::sync::{Arc, Weak};

use uuid::Uuid;

use super::topics::FetchTopics;

/// How a client names a topic in Fetch: by name up to version 12, by id from version 13 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey<'a> {
    Name(&'a str),
    Id(Uuid),
}

/// One fetch session.
#[derive(Debug)]
pub(crate) struct FetchSession {
    /// Shared with the requests that are under way: what changes here later is not what they asked for.
    pub topics: Arc<FetchTopics>,
    /// By id or by name: the two do not mix (trap C22).
    pub by_id: bool,
    /// The policy and the view that the verdicts came from.
    pub generations: (u64, u64),
    /// What the topics were before they last changed, for as long as a request that is under way asks for that.
    before: Weak<FetchTopics>,
}

impl FetchSession {
    pub(crate) fn new(topics: Arc<FetchTopics>, by_id: bool, generations: (u64, u64)) -> Self {
        Self { topics, by_id, generations, before: Weak::new() }
    }

    /// Whether the topics may change once more. No client changes them again before it has the answers to what it asked
    /// before: each change that nobody waits for would leave a whole list behind, for the few bytes that ask for it.
    pub(crate) fn may_change(&self) -> bool {
        self.before.strong_count() == 0
    }

    pub(crate) fn change(&mut self, topics: Arc<FetchTopics>) {
        self.before = Arc::downgrade(&std::mem::replace(&mut self.topics, topics));
    }
}

/// The fetch sessions of one connection, by the broker's number: so few that a list is searched.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    sessions: Vec<(i32, FetchSession)>,
    /// Sessions that are over here and not yet at the broker, which has a thousand for all its clients (trap A19).
    retired: Vec<i32>,
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

    /// Forgets a session that the broker ends, or has ended; false where it was not this connection's.
    pub(crate) fn forget(&mut self, id: i32) -> bool {
        let retired = self.retired.iter().position(|retired| *retired == id);
        let was_retired = retired.map(|place| self.retired.swap_remove(place)).is_some();
        self.remove(id) || was_retired
    }

    /// Forgets a session that the broker still has: the next full Fetch ends it there.
    pub(crate) fn retire(&mut self, id: i32) {
        if self.remove(id) {
            self.retired.push(id);
        }
    }

    /// A Fetch that would have ended this session does not reach the broker; 0 is none.
    pub(crate) fn not_ended(&mut self, id: i32) {
        self.retired.extend((id != 0).then_some(id));
    }

    /// A session that the broker still has and nobody uses.
    pub(crate) fn take_retired(&mut self) -> Option<i32> {
        self.retired.pop()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.sessions.len().saturating_add(self.retired.len()).saturating_add(self.under_way) < self.most
    }

    /// Remembers a session that the broker has just given out. One that nobody could ask for is none.
    pub(crate) fn remember(&mut self, id: i32, session: FetchSession) {
        self.remove(id);
        if self.sessions.len() >= self.most {
            return;
        }
        // Nearly always the only one.
        self.sessions.reserve_exact(1);
        self.sessions.push((id, session));
    }

    fn remove(&mut self, id: i32) -> bool {
        let place = self.sessions.iter().position(|(known, _)| *known == id);
        place.map(|place| self.sessions.swap_remove(place)).is_some()
    }
}

impl TopicKey<'_> {
    /// Bytes that the client gave for it.
    pub(crate) fn name_len(self) -> usize {
        match self {
            Self::Name(name) => name.len(),
            Self::Id(_) => 0,
        }
    }
}
