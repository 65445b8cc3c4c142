//! Certificates by hand: the bytes that a certificate must have, and a name of the test's choice.

/// Tags and contents that have no safe reading as text, each for one attribute of a name.
pub const UNSAFE: [(u8, &[u8]); 19] = [
    (0x0c, b"a\0b"),
    (0x0c, b"\0"),
    (0x13, b"a\0"),
    (0x16, b"\0a"),
    // Not UTF-8: a byte alone, an overlong NUL, a surrogate.
    (0x0c, b"a\xff"),
    (0x0c, b"\xc0\x80"),
    (0x0c, b"\xed\xa0\x80"),
    // Beyond ASCII where only ASCII may stand.
    (0x13, "\u{e4}".as_bytes()),
    (0x16, "\u{e4}".as_bytes()),
    // Numeric, T61, Visible, General, Universal, BMP, octets, an integer.
    (0x12, b"1"),
    (0x14, b"a"),
    (0x1a, b"a"),
    (0x1b, b"a"),
    (0x1c, b"\0\0\0a"),
    (0x1e, b"\0a"),
    (0x04, b"a"),
    (0x02, b"a"),
    // A UTF8String of parts, and a tag of another class with its number.
    (0x2c, b"\x0c\x01a"),
    (0x8c, b"a"),
];

/// Tag, length, content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..=0x7f => bytes.push(short as u8),
        one @ 0x80..=0xff => bytes.extend([0x81, one as u8]),
        two => bytes.extend([0x82, (two >> 8) as u8, two as u8]),
    }
    bytes.extend_from_slice(content);
    bytes
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// As DER wants it: in the order of the encodings.
pub fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(0x31, &parts.concat())
}

pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut bytes = Vec::new();
    for arc in [arcs[0] * 40 + arcs[1]].iter().chain(&arcs[2..]) {
        let mut groups = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        bytes.extend(groups.iter().rev());
    }
    tlv(0x06, &bytes)
}

/// A certificate with this subject.
pub fn certificate(subject: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[oid("1.2.840.10045.4.3.2")]);
    let issuer = sequence(&[set(vec![sequence(&[oid("2.5.4.3"), tlv(0x0c, b"a CA")])])]);
    let dates = sequence(&[tlv(0x17, b"260101000000Z"), tlv(0x17, b"360101000000Z")]);
    let curve = sequence(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]);
    let key = sequence(&[curve, tlv(0x03, &[0, 4, 1, 2])]);
    let body = sequence(&[
        tlv(0xa0, &tlv(0x02, &[2])),
        tlv(0x02, &[7]),
        algorithm.clone(),
        issuer,
        dates,
        subject.to_vec(),
        key,
    ]);
    sequence(&[body, algorithm, tlv(0x03, &[0, 1, 2])])
}
