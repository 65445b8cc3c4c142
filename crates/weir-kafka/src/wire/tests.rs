use proptest::prelude::*;

use super::*;

fn varint(bytes: &[u8]) -> Result<u32, Malformed> {
    Reader::new(bytes).unsigned_varint()
}

#[test]
fn numbers_are_read_highest_byte_first() {
    let bytes = [0xfe, 0xff, 0xfe, 0x80, 0, 0, 1];
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.i8(), Ok(-2));
    assert_eq!(reader.i16(), Ok(-2));
    assert_eq!(reader.i32(), Ok(i32::MIN + 1));
    assert_eq!((reader.position(), reader.remaining()), (7, 0));
    assert_eq!(reader.u8(), Err(Malformed::Truncated));
}

#[test]
fn a_read_that_fails_takes_nothing() {
    let mut reader = Reader::new(&[1, 2, 3]);
    assert_eq!(reader.i32(), Err(Malformed::Truncated));
    assert_eq!(reader.take(usize::MAX), Err(Malformed::Truncated));
    assert_eq!(reader.skip(4), Err(Malformed::Truncated));
    assert_eq!((reader.position(), reader.remaining()), (0, 3));
}

#[test]
fn hostile_f14_a_variable_length_number_has_one_spelling() {
    assert_eq!(varint(&[0]), Ok(0));
    assert_eq!(varint(&[0x7f]), Ok(127));
    assert_eq!(varint(&[0x80, 1]), Ok(128));
    assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
    assert_eq!(varint(&[0x80, 0]), Err(Malformed::VarintOverlong), "zero in two bytes");
    assert_eq!(varint(&[0x81, 0x80, 0]), Err(Malformed::VarintOverlong), "one in three bytes");
    assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(Malformed::VarintTooLong), "33 bits");
    assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0x80]), Err(Malformed::VarintTooLong), "no end");
    assert_eq!(varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), Err(Malformed::VarintTooLong), "six bytes");
    assert_eq!(varint(&[0x80]), Err(Malformed::Truncated));
    assert_eq!(varint(&[]), Err(Malformed::Truncated));
}

#[test]
fn hostile_f13_a_string_says_no_more_than_is_there() {
    assert_eq!(Reader::new(&[0xff, 0xff]).nullable_string(), Ok(None));
    assert_eq!(Reader::new(&[0xff, 0xff]).string(), Err(Malformed::NullNotAllowed));
    assert_eq!(Reader::new(&[0xff, 0xfe]).nullable_string(), Err(Malformed::NegativeLength));
    assert_eq!(Reader::new(&[0x7f, 0xff, b'a', b'b', b'c']).string(), Err(Malformed::LengthPastEnd));
    assert_eq!(Reader::new(&[0]).compact_nullable_string(), Ok(None));
    assert_eq!(Reader::new(&[0]).compact_string(), Err(Malformed::NullNotAllowed));
    assert_eq!(Reader::new(&[5, b'a']).compact_string(), Err(Malformed::LengthPastEnd));
    let mut long = Vec::new();
    put_unsigned_varint(&mut long, 32_768 + 1);
    long.resize(long.len() + 32_768, b'x');
    assert_eq!(Reader::new(&long).compact_string(), Err(Malformed::StringTooLong), "Java takes none of 32,768 bytes");
}

#[test]
fn hostile_f15_a_string_is_utf8_or_refused() {
    for bytes in [&[0xc3][..], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80]] {
        let mut frame = vec![0, bytes.len() as u8];
        frame.extend_from_slice(bytes);
        assert_eq!(Reader::new(&frame).string(), Err(Malformed::NotUtf8), "{bytes:x?}");
    }
}

#[test]
fn lengths_of_lists_are_null_or_not_negative() {
    assert_eq!(Reader::new(&[0xff; 4]).plain_length(), Ok(None));
    assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xfe]).plain_length(), Err(Malformed::NegativeLength));
    assert_eq!(Reader::new(&[0]).compact_length(), Ok(None));
    assert_eq!(Reader::new(&[1]).compact_length(), Ok(Some(0)));
}

#[test]
fn a_string_too_long_to_write_is_cut_at_a_character() {
    let mut out = Vec::new();
    put_nullable_string(&mut out, Some(&"ä".repeat(20_000)));
    assert_eq!(Reader::new(&out).string().unwrap().len(), 32_766);
}

proptest! {
    #[test]
    fn what_is_written_is_read(value: u32, text in ".{0,40}") {
        let mut out = Vec::new();
        put_unsigned_varint(&mut out, value);
        prop_assert_eq!(out.len(), unsigned_varint_len(value as usize));
        put_nullable_string(&mut out, Some(&text));
        put_nullable_string(&mut out, None);
        let mut reader = Reader::new(&out);
        prop_assert_eq!(reader.unsigned_varint(), Ok(value));
        prop_assert_eq!(reader.string(), Ok(text.as_str()));
        prop_assert_eq!(reader.nullable_string(), Ok(None));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn a_number_that_is_read_is_written_in_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..7)) {
        let mut reader = Reader::new(&bytes);
        if let Ok(value) = reader.unsigned_varint() {
            let mut out = Vec::new();
            put_unsigned_varint(&mut out, value);
            prop_assert_eq!(&out[..], &bytes[..reader.position()]);
        }
    }
}
