//! Distinguished names: read from RFC 4514 text, written as such, compared as parsed RDNs and never as text.
//!
//! Must never: hold a NUL or an empty RDN, fold case or blanks (two names that a CA tells apart stay two), or write
//! text that reads back as another name.

use std::collections::BTreeSet;
use std::fmt;

mod der;
mod parse;

/// Short names of attribute types. The first of an OID is the one that is written.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("SN", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("title", "2.5.4.12"),
    ("GN", "2.5.4.42"),
    ("givenName", "2.5.4.42"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("organizationIdentifier", "2.5.4.97"),
];

const COMMON_NAME: &str = "2.5.4.3";

/// A distinguished name: its RDNs in the order of the certificate, which is the reverse of the written one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistinguishedName(Vec<Rdn>);

/// One relative distinguished name: a set of attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rdn(BTreeSet<Attribute>);

/// An attribute: its type as a dotted OID, and its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Attribute {
    oid: String,
    value: String,
}

/// Why a text or a list of attributes is no distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnError {
    /// An RDN without an attribute.
    EmptyRdn,
    /// An RDN that says one attribute twice: as a set it would be another name's.
    Repeated,
    /// An attribute type that is neither a known short name nor a dotted OID.
    AttributeType,
    /// A value with a NUL, or not escaped as RFC 4514 asks.
    Value,
}

impl fmt::Display for DnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyRdn => "a part of the name is empty",
            Self::Repeated => "a part of the name says the same twice",
            Self::AttributeType => "an attribute type is neither a known short name (CN, O, OU, ...) nor a dotted OID",
            Self::Value => "a value holds a NUL, or a character that RFC 4514 wants escaped with a backslash",
        })
    }
}

impl std::error::Error for DnError {}

impl Rdn {
    /// The RDN of these attributes: (short name or dotted OID, value).
    ///
    /// # Errors
    /// No attribute, one that is there twice, an unknown type, or a NUL in a value.
    pub fn new<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, DnError> {
        let mut set = BTreeSet::new();
        for (kind, value) in attributes {
            if !set.insert(Attribute::new(kind, value.to_owned())?) {
                return Err(DnError::Repeated);
            }
        }
        if set.is_empty() { Err(DnError::EmptyRdn) } else { Ok(Self(set)) }
    }
}

impl DistinguishedName {
    /// The name with these RDNs, in the order of the certificate.
    #[must_use]
    pub fn new(rdns: Vec<Rdn>) -> Self {
        Self(rdns)
    }

    /// The name that an RFC 4514 text stands for.
    ///
    /// # Errors
    /// What is wrong with the text. The empty text is the empty name.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        parse::name(text)
    }

    /// Whether the name has no RDN.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The RDNs in the order of the certificate, each with its attributes: a dotted OID and a value.
    pub fn rdns(&self) -> impl Iterator<Item = impl Iterator<Item = (&str, &str)>> {
        self.0.iter().map(|rdn| rdn.0.iter().map(|attribute| (attribute.oid.as_str(), attribute.value.as_str())))
    }

    /// The common name, if the name has exactly one.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        let attributes = self.0.iter().flat_map(|rdn| &rdn.0);
        let mut names = attributes.filter(|attribute| attribute.oid == COMMON_NAME);
        let only = names.next()?;
        names.next().is_none().then_some(only.value.as_str())
    }
}

impl Attribute {
    fn new(kind: &str, value: String) -> Result<Self, DnError> {
        if value.contains('\0') {
            return Err(DnError::Value);
        }
        Ok(Self { oid: oid_of(kind).ok_or(DnError::AttributeType)?, value })
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_joined(f, ",", self.0.iter().rev())
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_joined(f, "+", self.0.iter())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SHORT_NAMES.iter().find(|(_, oid)| *oid == self.oid) {
            Some((name, _)) => {
                write!(f, "{name}=")?;
                write_escaped(f, &self.value)
            }
            // RFC 4514 section 2.4: a type that is written as an OID has a value that is written as its encoding.
            None => {
                write!(f, "{}=#", self.oid)?;
                der::utf8_string(&self.value).iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

fn write_joined<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    items: impl Iterator<Item = T>,
) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// As RFC 2253 asks, which escapes `=`, `#` and every outer blank where RFC 4514 leaves the choice: this is the text by
/// which Kafka names a certificate. Control characters go as hex pairs, so that a name cannot break a log line.
fn write_escaped(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let blanks_before = value.len().saturating_sub(value.trim_start_matches(' ').len());
    let blanks_after = value.trim_end_matches(' ').len();
    for (at, next) in value.char_indices() {
        match next {
            ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' | '\\' => write!(f, "\\{next}")?,
            ' ' if at < blanks_before || at >= blanks_after => f.write_str("\\ ")?,
            control if control.is_control() => {
                control.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "\\{byte:02x}"))?;
            }
            other => write!(f, "{other}")?,
        }
    }
    Ok(())
}

fn oid_of(kind: &str) -> Option<String> {
    if let Some((_, oid)) = SHORT_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)) {
        return Some((*oid).to_owned());
    }
    let arc_is_sound = |arc: &str| {
        !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    };
    (kind.contains('.') && kind.split('.').all(arc_is_sound)).then(|| kind.to_owned())
}
