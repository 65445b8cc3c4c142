use proptest::prelude::*;

use super::*;

const LIMITS: FrameLimits = FrameLimits { request: 1024 * 1024, group: 256 * 1024, small: 16 * 1024 };

fn declared(len: i32, key: Option<i16>) -> Vec<u8> {
    let mut bytes = len.to_be_bytes().to_vec();
    bytes.extend(key.iter().flat_map(|key| key.to_be_bytes()));
    bytes
}

fn too_large(hint: Hint) -> Result<Cut, FrameError> {
    Err(FrameError::TooLarge { hint })
}

#[test]
fn hostile_f1_a_length_that_holds_no_header_is_refused_on_four_bytes() {
    for len in [i32::MIN, -1] {
        assert_eq!(cut(&declared(len, None), &LIMITS), Err(FrameError::Negative), "{len}");
    }
    for len in 0..8 {
        assert_eq!(cut(&declared(len, None), &LIMITS), Err(FrameError::TooSmall), "{len}");
    }
    assert_eq!(cut(&declared(8, None), &LIMITS), Ok(Cut::Need(8)));
}

#[test]
fn hostile_f2_a_length_over_the_limit_is_refused_on_four_bytes_and_says_what_it_looks_like() {
    assert_eq!(cut(&declared(1024 * 1024, None), &LIMITS), Ok(Cut::Need(1024 * 1024)));
    assert_eq!(cut(&declared(1024 * 1024 + 1, None), &LIMITS), too_large(Hint::Unknown));
    assert_eq!(cut(&declared(i32::MAX, None), &LIMITS), too_large(Hint::Unknown));
    assert_eq!(cut(b"GET / HTTP/1.1\r\n", &LIMITS), too_large(Hint::Http));
    assert_eq!(cut(b"POST", &LIMITS), too_large(Hint::Http));
    assert_eq!(cut(&[0x16, 0x03, 0x01, 0x00], &LIMITS), too_large(Hint::Tls));
}

#[test]
fn an_apis_own_limit_holds_as_soon_as_its_key_is_there() {
    let group = 256 * 1024;
    for key in [table::JOIN_GROUP, table::SYNC_GROUP] {
        assert_eq!(cut(&declared(group, Some(key)), &LIMITS), Ok(Cut::Need(256 * 1024 - 2)));
        assert_eq!(cut(&declared(group + 1, Some(key)), &LIMITS), too_large(Hint::Unknown));
        assert_eq!(cut(&declared(group + 1, Some(key))[..5], &LIMITS), Ok(Cut::Need(256 * 1024)));
    }
    let small = 16 * 1024;
    for key in [table::API_VERSIONS, table::FIND_COORDINATOR] {
        assert_eq!(cut(&declared(small, Some(key)), &LIMITS), Ok(Cut::Need(16 * 1024 - 2)));
        assert_eq!(cut(&declared(small + 1, Some(key)), &LIMITS), too_large(Hint::Unknown));
    }
    assert_eq!(cut(&declared(group + 1, Some(table::FETCH)), &LIMITS), Ok(Cut::Need(256 * 1024 - 1)));
    assert_eq!(cut(&declared(group + 1, Some(999)), &LIMITS), Ok(Cut::Need(256 * 1024 - 1)), "the session refuses it");
}

#[test]
fn a_smaller_limit_for_all_requests_holds_for_each() {
    let limits = FrameLimits { request: 1_000, ..LIMITS };
    assert_eq!(cut(&declared(1_001, None), &limits), too_large(Hint::Unknown));
}

#[test]
fn trap_c14_a_few_bytes_are_not_a_frame_yet() {
    for have in 0..=3 {
        assert_eq!(cut(&[0; 3][..have], &LIMITS), Ok(Cut::Need(4 - have)));
    }
}

proptest! {
    /// Whatever has arrived, the answer is the one for the whole frame, or asks for bytes that are still missing.
    #[test]
    fn hostile_f5_a_frame_is_the_same_however_it_is_split(
        len in 8_usize..200, behind in 0_usize..50, have in 0_usize..300
    ) {
        let mut bytes = declared(len as i32, Some(table::FETCH));
        bytes.resize(4 + len + behind, 7);
        bytes.truncate(have);
        match cut(&bytes, &LIMITS) {
            Ok(Cut::Frame { len: found }) => prop_assert!(found == len && bytes.len() >= 4 + len),
            Ok(Cut::Need(more)) => prop_assert!(more > 0 && bytes.len() + more <= 4 + len),
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(Cut::Frame { len }) = cut(&bytes, &LIMITS) {
            prop_assert!(len >= 8 && 4 + len <= bytes.len());
        }
    }
}
