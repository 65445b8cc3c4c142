//! What Weir asks in the place of one of its principals: a request as a client writes it, and its answer as a client
//! reads it, under the principal's own names.
//!
//! Must never: be a way around the judge. What stands here goes to `Session::take_request`, like any client's, and what
//! a broker answers comes back through `Session::feed_broker`.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, GroupId};
use kafka_protocol::protocol::{Encodable, StrBytes};

use crate::cluster::ClusterView;
use crate::codec;
use crate::discovery::BadAnswer;
use crate::gate::Budget;
use crate::header::{RequestHeader, parse_response_header, write_request_header};
use crate::table::{self, Row};

/// Groups that are to be gone.
#[derive(Debug)]
pub struct DeleteGroups {
    row: &'static Row,
    version: i16,
}

/// What became of a group that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedGroup {
    /// The principal's name of it.
    pub name: String,
    /// Nothing more, or Kafka's error code.
    pub became: Result<(), i16>,
}

impl DeleteGroups {
    /// In the newest version that Weir and every broker of the cluster speak; nothing where there is none.
    #[must_use]
    pub fn spoken(view: &ClusterView) -> Option<Self> {
        let row = table::row(table::DELETE_GROUPS)?;
        let version = view.versions.get(&row.key)?.intersect(row.versions)?.max;
        Some(Self { row, version })
    }

    /// The request as a client sends it, without its length prefix; nothing where it cannot be said.
    #[must_use]
    pub fn frame(&self, groups: &[&str]) -> Option<Bytes> {
        let mut frame = Vec::new();
        let header = RequestHeader { api_key: self.row.key, version: self.version, correlation_id: 0, client_id: None };
        write_request_header(&mut frame, &header, self.row.is_flexible(self.version));
        let names = groups.iter().map(|group| GroupId(StrBytes::from_string((*group).to_owned())));
        let mut body = BytesMut::new();
        let message = DeleteGroupsRequest::default().with_groups_names(names.collect());
        message.encode(&mut body, self.version).ok()?;
        frame.extend_from_slice(&body);
        Some(frame.into())
    }

    /// Reads the answer, a frame without its length prefix.
    ///
    /// # Errors
    /// Where it is malformed.
    pub fn read(&self, answer: &Bytes) -> Result<Vec<DeletedGroup>, BadAnswer> {
        let (_, start) = parse_response_header(answer, self.row.response_header_is_flexible(self.version))?;
        let body = answer.slice(start.min(answer.len())..);
        let message: DeleteGroupsResponse = codec::decode(self.row.response, self.version, &body, &Budget::RESPONSE)?;
        let deleted = message.results.into_iter().map(|result| DeletedGroup {
            name: result.group_id.to_string(),
            became: if result.error_code == 0 { Ok(()) } else { Err(result.error_code) },
        });
        Ok(deleted.collect())
    }
}
