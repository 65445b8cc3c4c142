//! The fetch sessions of one client connection (KIP-227).
//!
//! Brokers look sessions up by number alone, so a number that was not given out on this connection is treated as none
//! (traps S3, C21). A session remembers every partition that the client asked for, the refused ones too.
//! Must never: know a session of another connection, or hold a verdict past the policy or the view that gave it.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;
use weir_policy::Reason;

/// How a client names a topic in Fetch: by name up to version 12, by id from version 13 on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    Name(String),
    Id(Uuid),
}

/// One topic of a fetch session, or of a Fetch without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionTopic {
    pub refused: Option<Reason>,
    /// Sorted, without doubles.
    pub partitions: Vec<i32>,
}

/// The topics that a Fetch is about, by the client's name for them.
pub(crate) type FetchTopics = HashMap<TopicKey, SessionTopic>;

/// One fetch session.
#[derive(Debug)]
pub(crate) struct FetchSession {
    /// Shared with the requests that are under way: what changes here later is not what they asked for.
    pub topics: Arc<FetchTopics>,
    /// By id or by name: the two do not mix (trap C22).
    pub by_id: bool,
    /// The policy and the view that the verdicts came from.
    pub generations: (u64, u64),
}

/// The fetch sessions of one connection, by the broker's number.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    sessions: HashMap<i32, FetchSession>,
    /// Sessions that are over here and not yet at the broker, which has a thousand for all its clients (trap A19).
    retired: Vec<i32>,
    /// Requests of this connection that wait for their answers: each may bring a session.
    pub(crate) under_way: usize,
    most: usize,
}

impl FetchSessions {
    pub(crate) fn new(most: usize) -> Self {
        Self { sessions: HashMap::new(), retired: Vec::new(), under_way: 0, most }
    }

    pub(crate) fn get_mut(&mut self, id: i32) -> Option<&mut FetchSession> {
        self.sessions.get_mut(&id)
    }

    /// Forgets a session that the broker ends, or has ended; false where it was not this connection's.
    pub(crate) fn forget(&mut self, id: i32) -> bool {
        let retired = self.retired.iter().position(|retired| *retired == id);
        let was_retired = retired.map(|place| self.retired.swap_remove(place)).is_some();
        self.sessions.remove(&id).is_some() || was_retired
    }

    /// Forgets a session that the broker still has: the next full Fetch ends it there.
    pub(crate) fn retire(&mut self, id: i32) {
        if self.sessions.remove(&id).is_some() {
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

    /// Remembers a session that the broker has just given out.
    pub(crate) fn remember(&mut self, id: i32, session: FetchSession) {
        self.sessions.insert(id, session);
    }
}

impl TopicKey {
    /// Bytes that the client gave for it.
    pub(crate) fn name_len(&self) -> usize {
        match self {
            Self::Name(name) => name.len(),
            Self::Id(_) => 0,
        }
    }
}

impl SessionTopic {
    pub(crate) fn add(&mut self, partitions: impl Iterator<Item = i32>) {
        self.partitions.extend(partitions);
        self.partitions.sort_unstable();
        self.partitions.dedup();
    }

    pub(crate) fn forget(&mut self, partition: i32) {
        if let Ok(place) = self.partitions.binary_search(&partition) {
            self.partitions.remove(place);
        }
    }

    pub(crate) fn holds(&self, partition: i32) -> bool {
        self.partitions.binary_search(&partition).is_ok()
    }
}
