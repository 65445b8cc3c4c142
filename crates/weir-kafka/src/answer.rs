//! Answers of Weir's own, what they must know, and where bytes for the client go.
//!
//! Must never: be given out before its turn; the session's queue alone knows whose turn it is.

use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::messages::{DescribeClusterRequest, DescribeTopicPartitionsRequest};

/// An answer of Weir's own.
#[derive(Debug)]
pub(crate) enum LocalAnswer {
    /// The body is there.
    Ready { body: Bytes, not_before: Option<Instant> },
    /// The body is made when it is its turn, from what is known of the cluster then.
    Deferred(Deferred),
}

/// Answers that are made from the cluster view, late.
#[derive(Debug)]
pub(crate) enum Deferred {
    ApiVersions,
    /// The body is that of the request, walked.
    Metadata {
        body: Bytes,
        not_older_than: Instant,
    },
    DescribeCluster {
        request: DescribeClusterRequest,
    },
    DescribeTopicPartitions {
        request: Box<DescribeTopicPartitionsRequest>,
        not_older_than: Instant,
    },
}

impl Deferred {
    /// What it must know of the cluster.
    pub(crate) fn view_need(&self) -> ViewNeed {
        match self {
            Self::Metadata { not_older_than, .. } | Self::DescribeTopicPartitions { not_older_than, .. } => {
                ViewNeed::NotOlderThan(*not_older_than)
            }
            Self::ApiVersions | Self::DescribeCluster { .. } => ViewNeed::Any,
        }
    }
}

/// What a local answer must know of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewNeed {
    /// Nothing.
    None,
    /// Any view will do.
    Any,
    /// The brokers must have answered at this instant or later.
    NotOlderThan(Instant),
}

/// Takes bytes for the client, in order.
pub trait Sink {
    /// Appends bytes to what goes to the client.
    fn put(&mut self, bytes: &[u8]);

    /// Appends bytes that stand in several places. Worth its own way where each `put` is a write or a TLS record.
    fn put_all(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.put(part);
        }
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
