//! Who a certificate names, for what, and for how long.
//!
//! Must never put a name into a certificate other than as it was given: what cannot be held is refused, not repaired.

use std::net::IpAddr;

use rcgen::string::Ia5String;
use rcgen::{DistinguishedName, DnType, SanType};
use time::{Duration, OffsetDateTime};

use crate::error::PkiError;

/// The longest common name and organisation that X.520 allows, in characters.
const NAME_LIMIT: usize = 64;

/// Whom a client certificate names. An empty common name is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSubject {
    /// Common name (CN), at most 64 characters.
    pub common_name: String,
    /// Organisation (O), at most 64 characters.
    pub organisation: Option<String>,
    /// Subject alternative names of type URI, such as `spiffe://weir.example/a-tool`.
    pub san_uris: Vec<String>,
    /// Subject alternative names of type DNS.
    pub san_dns: Vec<String>,
    /// Subject alternative names of type e-mail.
    pub san_emails: Vec<String>,
}

impl ClientSubject {
    /// A subject that is a common name and nothing more.
    pub fn named(common_name: &str) -> ClientSubject {
        ClientSubject { common_name: common_name.to_owned(), ..ClientSubject::default() }
    }

    /// Its alternative names, each with its type: `URI:...`, `DNS:...`, `email:...`.
    pub(crate) fn alternative_names(&self) -> Vec<String> {
        let with = |kind: &'static str| move |name: &String| format!("{kind}:{name}");
        let uris = self.san_uris.iter().map(with("URI"));
        uris.chain(self.san_dns.iter().map(with("DNS"))).chain(self.san_emails.iter().map(with("email"))).collect()
    }

    /// The name by which people speak of it: the common name, else the first alternative name.
    pub(crate) fn spoken(&self) -> Option<&str> {
        let names = [self.common_name.as_str()].into_iter().filter(|name| !name.is_empty());
        let uris = self.san_uris.iter().chain(&self.san_dns).chain(&self.san_emails).map(String::as_str);
        names.chain(uris).next()
    }

    pub(crate) fn sans(&self) -> Result<Vec<SanType>, PkiError> {
        let uris = self.san_uris.iter().map(|name| ia5(name).map(SanType::URI));
        let dns = self.san_dns.iter().map(|name| ia5(name).map(SanType::DnsName));
        let emails = self.san_emails.iter().map(|name| ia5(name).map(SanType::Rfc822Name));
        uris.chain(dns).chain(emails).collect()
    }
}

/// What a certificate may be used for (extended key usage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// TLS server authentication.
    Server,
    /// TLS client authentication.
    Client,
}

/// When a certificate is valid. The end may be in the past and the start in the future: tests need both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second at which it is valid.
    pub not_before: OffsetDateTime,
    /// The last second at which it is valid.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// From one hour ago, because clocks differ, for this many days from now.
    pub fn days(days: i64) -> Validity {
        Validity::from_now(Duration::hours(-1), Duration::days(days))
    }

    /// From and until so many seconds from now.
    pub fn seconds(from: i64, until: i64) -> Validity {
        Validity::from_now(Duration::seconds(from), Duration::seconds(until))
    }

    /// From `start` to `end`, both counted from now: `(-2 d, -1 d)` has expired, `(1 d, 2 d)` is not yet valid.
    /// A time outside what a certificate can hold becomes the nearest that it can.
    pub fn from_now(start: Duration, end: Duration) -> Validity {
        let now = OffsetDateTime::now_utc();
        Validity { not_before: now.saturating_add(start), not_after: now.saturating_add(end) }
    }
}

pub(crate) fn server_sans(names: &[&str]) -> Result<Vec<SanType>, PkiError> {
    if names.is_empty() {
        return Err(PkiError::Name {
            name: String::new(),
            problem: "a server certificate needs at least one DNS name or IP address",
        });
    }
    names
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => ia5(name).map(SanType::DnsName),
        })
        .collect()
}

/// A server's name with its type: `DNS:weir.example`, `IP:192.0.2.1`.
pub(crate) fn typed_server_name(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(address) => format!("IP:{address}"),
        Err(_) => format!("DNS:{name}"),
    }
}

/// Whether clients can dial this name: a host name, one with `*.` before it, or an address.
pub(crate) fn judge_server_name(name: &str) -> Result<(), PkiError> {
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (1..=63).contains(&label.len()) && is_plain && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_host = name.len() <= 253 && name.strip_prefix("*.").unwrap_or(name).split('.').all(is_label);
    if is_host || name.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    Err(PkiError::Name {
        name: name.to_owned(),
        problem: "it must be a host name as clients dial it, without a port, perhaps with `*.` before it, or an IP \
                  address",
    })
}

/// Whether a name can be shown and typed.
pub(crate) fn judge_printable(name: &str) -> Result<(), PkiError> {
    if name.chars().any(char::is_control) {
        return Err(PkiError::Name { name: name.to_owned(), problem: "it has a character in it that cannot be shown" });
    }
    Ok(())
}

/// The name of a server that becomes its common name, which is kept for old clients and for people's eyes: the first
/// that fits.
pub(crate) fn server_common_name<'a>(names: &[&'a str]) -> &'a str {
    names.iter().copied().find(|name| name.chars().count() <= NAME_LIMIT).unwrap_or_default()
}

pub(crate) fn distinguished_name(common_name: &str, organisation: Option<&str>) -> Result<DistinguishedName, PkiError> {
    let mut name = DistinguishedName::new();
    if let Some(organisation) = organisation {
        push(&mut name, DnType::OrganizationName, organisation)?;
    }
    if !common_name.is_empty() {
        push(&mut name, DnType::CommonName, common_name)?;
    }
    Ok(name)
}

fn push(to: &mut DistinguishedName, kind: DnType, value: &str) -> Result<(), PkiError> {
    if value.chars().count() > NAME_LIMIT {
        return Err(PkiError::Name { name: value.to_owned(), problem: "a name may have at most 64 characters" });
    }
    to.push(kind, value);
    Ok(())
}

fn ia5(name: &str) -> Result<Ia5String, PkiError> {
    if name.is_empty() {
        return Err(PkiError::Name { name: String::new(), problem: "an alternative name may not be empty" });
    }
    Ia5String::try_from(name).map_err(|_| PkiError::Name {
        name: name.to_owned(),
        problem: "an alternative name may hold ASCII only (write a DNS name in its xn-- form)",
    })
}
