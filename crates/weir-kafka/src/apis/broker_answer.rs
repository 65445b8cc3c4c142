//! A broker's whole answer, and what becomes of it before the client has it.
//!
//! Must never: pass an answer that the gate has not walked to its end.

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::gate;
use crate::known::known_only;
use crate::table::Row;

/// A broker's whole answer, before it is given to the client.
pub(crate) struct Answer<'a> {
    pub row: &'static Row,
    pub version: i16,
    pub body: Bytes,
    pub env: &'a Env<'a>,
}

/// A broker's answer, ready for the client.
pub(crate) struct Restored {
    pub body: Bytes,
    /// Whether the answer showed that what is known of the cluster is out of date.
    pub view_is_stale: bool,
}

impl Answer<'_> {
    /// Walks the body and decodes it.
    pub(crate) fn decode<M: Decodable>(&self) -> Result<M, Fault> {
        codec::decode(self.row.response, self.version, &self.body, &self.env.limits.response)
            .map_err(Fault::BrokerMalformed)
    }

    /// Encodes the answer anew.
    pub(crate) fn encoded<M: Encodable>(&self, message: &M, view_is_stale: bool) -> Result<Restored, Fault> {
        let body = codec::encode(message, self.version).ok_or(Fault::NotEncodable)?;
        Ok(Restored { body, view_is_stale })
    }

    /// The answer passes as the broker made it, once it is walked. An unknown tag could hold anything: it is dropped.
    pub(crate) fn passed(&self) -> Result<Restored, Fault> {
        let passed = gate::walk(self.row.response, self.version, &self.body, &self.env.limits.response)
            .map_err(Fault::BrokerMalformed)?;
        let mut body = self.body.slice(..passed.body_len.min(self.body.len()));
        if !passed.canonical {
            body = known_only(self.row.response, self.version, &body).map_err(Fault::BrokerMalformed)?;
        }
        Ok(Restored { body, view_is_stale: false })
    }
}
