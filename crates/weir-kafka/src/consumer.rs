//! A consumer's side of the protocol: requests as it writes them, answers behind the gate. `weir doctor` asks so.
//!
//! Must never: decode what the gate has not walked, or be on the way to a broker: what it writes is not `Cleared`.

use bytes::Bytes;
use kafka_protocol::protocol::Request;

use crate::codec;
use crate::discovery::correlation_id;
use crate::frame::PREFIX;
use crate::gate::Budget;
use crate::header::{RequestHeader, parse_response_header, write_request_header};
use crate::table;
use crate::wire::Malformed;

/// For an answer to one consumer: whoever answers may be anybody.
const BUDGET: Budget =
    Budget { topics: 20_000, partitions: 200_000, others: 200_000, tags: 10_000, trailing_bytes: false };

/// Why bytes are no answer to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The number in it is another request's.
    #[error("it answers another request")]
    AnotherRequest,
    /// It does not have the form of its API and version.
    #[error("it does not have the form of its API and version: {0}")]
    Malformed(#[from] Malformed),
}

/// A request with its length before it. Nothing where Weir does not speak the API in this version, or the version
/// cannot express the request.
#[must_use]
pub fn request<R: Request>(request: &R, version: i16, correlation_id: i32, client_id: &str) -> Option<Vec<u8>> {
    let row = table::row(R::KEY).filter(|row| row.versions.holds(version))?;
    let body = codec::encode(request, version)?;
    let header = RequestHeader { api_key: R::KEY, version, correlation_id, client_id: Some(client_id) };
    let mut frame = vec![0; PREFIX];
    write_request_header(&mut frame, &header, row.is_flexible(version));
    frame.extend_from_slice(&body);
    let length = i32::try_from(frame.len().checked_sub(PREFIX)?).ok()?;
    frame.get_mut(..PREFIX)?.copy_from_slice(&length.to_be_bytes());
    Some(frame)
}

/// Reads the answer to a request: a frame without its length.
///
/// # Errors
/// It answers another request, or it does not have the form that it should.
pub fn answer<R: Request>(frame: &Bytes, version: i16, asked: i32) -> Result<R::Response, NoAnswer> {
    let row = table::row(R::KEY).ok_or(Malformed::NoSuchVersion)?;
    if correlation_id(frame) != Some(asked) {
        return Err(NoAnswer::AnotherRequest);
    }
    let (_, start) = parse_response_header(frame, row.response_header_is_flexible(version))?;
    let body = frame.slice(start.min(frame.len())..);
    Ok(codec::decode(row.response, version, &body, &BUDGET)?)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiVersionsRequest, FindCoordinatorRequest, MetadataRequest};

    use super::*;

    #[test]
    fn a_request_has_its_length_and_its_number() {
        let written = request(&ApiVersionsRequest::default(), 0, 7, "me").unwrap();
        assert_eq!(written, [0, 0, 0, 12, 0, 18, 0, 0, 0, 0, 0, 7, 0, 2, b'm', b'e']);
        assert_eq!(request(&MetadataRequest::default(), 99, 7, "me"), None, "a version that is not spoken");
    }

    #[test]
    fn an_answer_is_that_of_its_request_and_walked_before_it_is_decoded() {
        let whole = Bytes::from_static(&[0, 0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
        let read = answer::<ApiVersionsRequest>(&whole, 0, 7).unwrap();
        assert_eq!((read.error_code, read.api_keys.len()), (0, 1));
        assert_eq!(answer::<ApiVersionsRequest>(&whole, 0, 8).unwrap_err(), NoAnswer::AnotherRequest);
        // Two thousand million elements in no bytes: who allocates by the number, aborts.
        let bomb = Bytes::from_static(&[0, 0, 0, 7, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
        let malformed = NoAnswer::Malformed(Malformed::LengthPastEnd);
        assert_eq!(answer::<ApiVersionsRequest>(&bomb, 0, 7).unwrap_err(), malformed);
        for length in 0..whole.len() {
            assert!(answer::<ApiVersionsRequest>(&whole.slice(..length), 0, 7).is_err(), "{length}");
        }
        assert!(answer::<FindCoordinatorRequest>(&whole, 0, 7).is_err());
    }
}
