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
    most: usize,
}

impl FetchSessions {
    pub(crate) fn new(most: usize) -> Self {
        Self { sessions: HashMap::new(), most }
    }

    pub(crate) fn get_mut(&mut self, id: i32) -> Option<&mut FetchSession> {
        self.sessions.get_mut(&id)
    }

    /// Forgets a session; false where it was not this connection's.
    pub(crate) fn forget(&mut self, id: i32) -> bool {
        self.sessions.remove(&id).is_some()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.sessions.len() < self.most
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
    pub(crate) fn add(&mut self, partition: i32) {
        if let Err(place) = self.partitions.binary_search(&partition) {
            self.partitions.insert(place, partition);
        }
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
