//! What an operator has stopped for now: principals, certificates, topics, APIs, or everything.
//!
//! Must never: give anything, or lose the place of the file that says so.

use std::collections::HashSet;
use std::fmt;

use crate::problem::{ConfigErrors, Place, Problem};
use crate::{Reason, SourceFile, compile};

/// What may be suspended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suspended {
    /// Everybody.
    All,
    /// An API, by Kafka's name for it.
    Api(String),
    /// A principal, by name, with every certificate that it has.
    Principal(String),
    /// One certificate, by its serial number, whoever issued it.
    Serial(Serial),
    /// A topic, by its whole name.
    Topic(String),
}

impl Suspended {
    /// The kinds, as files and commands write them.
    pub const KINDS: [&str; 5] = ["principal", "serial", "topic", "api", "all"];

    /// What a kind and a name mean.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn new(kind: &str, name: Option<&str>) -> Result<Self, (String, String)> {
        if !Self::KINDS.contains(&kind) {
            let what = format!("`{}` is nothing that can be suspended", kind.escape_debug());
            return Err((what, format!("write one of {}", Self::KINDS.join(", "))));
        }
        let Some(name) = name else {
            let missing = || (format!("which {kind} is not said"), format!("write the {kind}'s name"));
            return if kind == "all" { Ok(Self::All) } else { Err(missing()) };
        };
        let wrong = |fix: &str| (format!("`{}` is no {kind}", name.escape_debug()), fix.to_owned());
        match kind {
            "principal" if is_short_name(name) => Ok(Self::Principal(name.to_owned())),
            "principal" => Err(wrong("write the name that the principal's file has behind `principal:`")),
            "serial" => Serial::parse(name).map(Self::Serial).ok_or_else(|| {
                wrong("write it in hexadecimal digits, as `openssl x509 -noout -serial -in FILE` prints it")
            }),
            "topic" if crate::names::is_topic_name(name) => Ok(Self::Topic(name.to_owned())),
            "topic" => Err(wrong("write the topic's whole name")),
            "api" if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !name.is_empty() => {
                Ok(Self::Api(name.to_owned()))
            }
            "api" => Err(wrong("write Kafka's name for it, like ListOffsets")),
            _ => Err(("everything has no name".to_owned(), "leave the name out".to_owned())),
        }
    }

    /// The kind, as files and commands write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api(_) => "api",
            Self::Principal(_) => "principal",
            Self::Serial(_) => "serial",
            Self::Topic(_) => "topic",
        }
    }

    /// The command that resumes it, with these options.
    #[must_use]
    pub fn to_resume(&self, options: &str) -> String {
        format!("weir resume {self}{options} --reason TEXT --ticket ID")
    }

    /// The name, where the kind has one.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Api(name) | Self::Principal(name) | Self::Topic(name) => Some(name.clone()),
            Self::Serial(serial) => Some(serial.to_string()),
        }
    }
}

impl fmt::Display for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        self.name().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

/// The serial number of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// The serial number with these bytes, the most significant first.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().skip_while(|byte| *byte == 0).collect())
    }

    /// The bytes, without zeros before the first that is none.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The serial number of this text: hexadecimal digits, with or without colons.
    fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|next| *next != ':').collect();
        let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !all_hex || !(1..=40).contains(&digits.len()) {
            return None;
        }
        let even = format!("{digits:0>width$}", width = digits.len().next_multiple_of(2));
        let pairs = even.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
        bytes.map(|bytes| Self::new(&bytes)).filter(|serial| !serial.0.is_empty())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One suspension, as its file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// What is suspended.
    pub what: Suspended,
    /// Why.
    pub reason: String,
    /// Where that is written down.
    pub ticket: String,
    /// Since when, in the words of whoever wrote the file; nothing where it does not say.
    pub since: Option<String>,
    /// Where the file says what.
    pub place: Place,
}

impl Suspension {
    /// Reads one file of `suspended/`.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn read(file: &SourceFile) -> Result<Self, ConfigErrors> {
        compile::read_suspension(file)
    }
}

/// All that is suspended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspensions {
    pub(crate) list: Vec<Suspension>,
    all: bool,
    apis: HashSet<String>,
    principals: HashSet<String>,
    serials: HashSet<Serial>,
    topics: HashSet<String>,
    /// What names nothing that is there.
    pub(crate) warnings: Vec<Problem>,
}

impl Suspensions {
    pub(crate) fn new(list: Vec<Suspension>, warnings: Vec<Problem>) -> Self {
        let mut all = Self { warnings, ..Self::default() };
        for suspension in &list {
            match suspension.what.clone() {
                Suspended::All => all.all = true,
                Suspended::Api(name) => drop(all.apis.insert(name)),
                Suspended::Principal(name) => drop(all.principals.insert(name)),
                Suspended::Serial(serial) => drop(all.serials.insert(serial)),
                Suspended::Topic(name) => drop(all.topics.insert(name)),
            }
        }
        Self { list, ..all }
    }

    /// Whether a principal may be here.
    pub(crate) fn judge_principal(&self, principal: &str) -> Result<(), Reason> {
        if self.all {
            return Err(Reason::AllSuspended);
        }
        if self.principals.contains(principal) { Err(Reason::PrincipalSuspended) } else { Ok(()) }
    }

    /// Whether a certificate may be used.
    pub(crate) fn judge_certificate(&self, serial: &Serial) -> Result<(), Reason> {
        if self.serials.contains(serial) { Err(Reason::CertificateSuspended) } else { Ok(()) }
    }

    pub(crate) fn has_topic(&self, topic: &str) -> bool {
        !self.topics.is_empty() && self.topics.contains(topic)
    }

    pub(crate) fn has_api(&self, api: &str) -> bool {
        !self.apis.is_empty() && self.apis.contains(api)
    }

    /// Whether the same certificates are suspended here as there.
    pub(crate) fn same_certificates(&self, other: &Self) -> bool {
        self.serials == other.serials
    }

    /// Whether the same topics are suspended here as there.
    pub(crate) fn same_topics(&self, other: &Self) -> bool {
        self.topics == other.topics
    }
}

/// A principal's name, as its file may have it.
fn is_short_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && crate::names::is_topic_text(name)
}
