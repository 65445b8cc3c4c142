//! What a client says that it is: the name and version of its library, from ApiVersions 3 on (KIP-511).
//!
//! Must never: be trusted, be a label, or hold a character that a terminal or a log would take for more than text.

/// A client library and its version, as its own words have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientSoftware {
    /// Such as `librdkafka`.
    pub name: String,
    /// Such as `2.3.0`.
    pub version: String,
}

/// What is kept of each, in bytes: a name may be as long as a frame.
const LONGEST: usize = 48;

impl ClientSoftware {
    /// What a client says, if it is what Kafka takes for a name and a version; no more than the first 48 characters of
    /// each.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Option<Self> {
        let sound = is_software_name(name) && is_software_name(version);
        sound.then(|| Self { name: cut(name), version: cut(version) })
    }
}

/// Kafka's rule: letters, digits, dots and dashes, and a letter or digit at both ends.
fn is_software_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.' || *byte == b'-')
}

fn cut(name: &str) -> String {
    name.get(..LONGEST).unwrap_or(name).trim_end_matches(|last: char| !last.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_a22_a_name_is_short_and_has_nothing_in_it_but_letters_digits_dots_and_dashes() {
        let known = ClientSoftware::new("apache-kafka-java", "3.7.0").unwrap();
        assert_eq!((known.name.as_str(), known.version.as_str()), ("apache-kafka-java", "3.7.0"));
        for wrong in ["", "-a", "a.", "a b", "a\u{1b}[2J", "a\n", "ä", "a\"", "a_b", "a,b"] {
            assert_eq!((ClientSoftware::new(wrong, "1"), ClientSoftware::new("a", wrong)), (None, None), "{wrong:?}");
        }
        let long = ClientSoftware::new(&format!("{}.{}", "a".repeat(LONGEST - 1), "b".repeat(10_000)), "1").unwrap();
        assert_eq!(long.name, "a".repeat(LONGEST - 1), "what is cut ends as a name does");
    }
}
