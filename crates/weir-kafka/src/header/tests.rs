use kafka_protocol::messages::{RequestHeader as Reference, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::prelude::*;

use super::*;

fn request(client_id: &[u8], tags: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 18, 0, 3, 0x80, 0, 0, 1];
    frame.extend_from_slice(client_id);
    frame.extend_from_slice(tags);
    frame
}

#[test]
fn trap_c13_the_client_id_is_an_old_string_in_both_headers() {
    for (flexible, tags) in [(false, &[][..]), (true, &[0][..])] {
        let frame = request(&[0, 2, b'm', b'e'], tags);
        let (header, body) = parse_request_header(&frame, flexible).unwrap();
        assert_eq!((header.api_key, header.version, header.correlation_id), (18, 3, i32::MIN + 1));
        assert_eq!(header.client_id, Some("me"));
        assert_eq!(body, 12 + tags.len());
    }
    let frame = request(&[0xff, 0xff], &[0]);
    assert_eq!(parse_request_header(&frame, true).unwrap().0.client_id, None);
}

#[test]
fn hostile_f21_a_client_id_may_be_long_and_odd() {
    let mut client_id = vec![0x7f, 0xff];
    client_id.resize(2 + 32_767, b'\x1b');
    let frame = request(&client_id, &[]);
    assert_eq!(parse_request_header(&frame, false).unwrap().0.client_id.unwrap().len(), 32_767);
}

#[test]
fn trap_c14_a_frame_of_a_few_bytes_is_refused() {
    for length in 0..=3 {
        assert_eq!(key_and_version(&[0; 3][..length]), Err(Malformed::Truncated));
    }
    for length in 0..10 {
        assert_eq!(parse_request_header(&[0; 10][..length], false), Err(Malformed::Truncated), "{length}");
    }
}

#[test]
fn hostile_f9_tagged_fields_of_a_header_are_skipped_within_bounds() {
    let id = &[0xff, 0xff];
    let parse = |tags: &[u8]| parse_request_header(&request(id, tags), true).map(|(_, body)| body);
    assert_eq!(parse(&[]), Err(Malformed::Truncated), "no section where one must be");
    assert_eq!(parse(&[1, 5, 2, 0, 0]), Ok(15));
    assert_eq!(parse(&[1, 5, 3, 0, 0]), Err(Malformed::LengthPastEnd));
    assert_eq!(parse(&[2, 5, 0, 5, 0]), Err(Malformed::TagsUnordered));
    assert_eq!(parse(&[2, 5, 0, 4, 0]), Err(Malformed::TagsUnordered));
    assert_eq!(parse(&[1, 0x80, 0x80, 0x80, 0x80, 0x08, 0]), Err(Malformed::TagNumber));
    assert_eq!(parse(&[17]), Err(Malformed::TooManyTags));
    assert_eq!(parse(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(Malformed::TooManyTags));
}

#[test]
fn a_response_header_is_read_as_it_is_written() {
    for flexible in [false, true] {
        let mut out = Vec::new();
        write_response_header(&mut out, -7, flexible);
        assert_eq!(parse_response_header(&out, flexible), Ok((-7, out.len())));
        let reference = ResponseHeader::decode(&mut &out[..], i16::from(flexible)).unwrap();
        assert_eq!(reference.correlation_id, -7);
    }
    assert_eq!(parse_response_header(&[0, 0, 0], false), Err(Malformed::Truncated));
}

proptest! {
    #[test]
    fn a_request_header_is_the_one_that_kafka_writes(
        api_key: i16, version: i16, correlation_id: i32, client_id in proptest::option::of(".{0,20}"), flexible: bool
    ) {
        let header = RequestHeader { api_key, version, correlation_id, client_id: client_id.as_deref() };
        let mut out = Vec::new();
        write_request_header(&mut out, &header, flexible);
        let reference = Reference::default()
            .with_request_api_key(api_key)
            .with_request_api_version(version)
            .with_correlation_id(correlation_id)
            .with_client_id(client_id.clone().map(StrBytes::from_string));
        let mut expected = Vec::new();
        reference.encode(&mut expected, if flexible { 2 } else { 1 }).unwrap();
        prop_assert_eq!(&out, &expected);
        prop_assert_eq!(parse_request_header(&out, flexible), Ok((header, out.len())));
    }
}
