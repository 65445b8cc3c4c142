//! What may stand in a bundle: every value is looked at before any template sees it.
//!
//! A bundle's values stand in shell scripts, properties and the sources of five languages. Those that are not written for
//! people are held to letters, digits and a few signs that mean nothing in any of them, so that no escaping is needed
//! and none can be forgotten. Must never: repair a value.

use std::net::IpAddr;

use pem::{EncodeConfig, LineEnding, Pem};

use super::error::BundleError;
use super::facts::{Address, Facts};
use super::manifest::GroupRule;

/// The longest name of a topic or a group, in bytes.
const LONGEST_NAME: usize = 249;
/// The longest DNS name, in bytes.
const LONGEST_HOST: usize = 253;

/// Looks at every value that a program or a shell reads.
pub(super) fn check(facts: &Facts) -> Result<(), BundleError> {
    name("principal", &facts.principal)?;
    facts.bootstrap.iter().try_for_each(host)?;
    facts.topics.iter().try_for_each(|topic| name("topic", &topic.name))?;
    facts.topic_prefixes.iter().try_for_each(|prefix| name("topic prefix", prefix))?;
    if let GroupRule::Prefix(prefix) = &facts.groups {
        name("group prefix", prefix)?;
    }
    hexadecimal("serial number", &facts.certificate.serial)?;
    match &facts.stores {
        // Not shown where it is wrong.
        Some(stores) if hexadecimal("pass-phrase", stores.password.expose()).is_err() => Err(BundleError::Value {
            what: "pass-phrase",
            value: String::new(),
            problem: "it is made of hexadecimal digits",
        }),
        _ if facts.bootstrap.is_empty() => Err(BundleError::NoAddress),
        _ if facts.topics.is_empty() => Err(BundleError::NoTopic),
        _ => Ok(()),
    }
}

/// The certificates of a PEM text and nothing else: comments and other blocks are left out.
pub(super) fn certificates(what: &'static str, text: &str) -> Result<String, BundleError> {
    let blocks = blocks(what, text)?;
    let certificates: Vec<Pem> = blocks.into_iter().filter(|block| block.tag() == "CERTIFICATE").collect();
    if certificates.is_empty() {
        let problem = "no certificate is in it: it has a line `-----BEGIN CERTIFICATE-----`".to_owned();
        return Err(BundleError::Pem { what, problem });
    }
    Ok(pem::encode_many_config(&certificates, form()))
}

/// The one private key of a PEM text, in PKCS#8.
pub(super) fn key(text: &str) -> Result<String, BundleError> {
    let wrong = |problem: &str| Err(BundleError::Pem { what: "the key", problem: problem.to_owned() });
    let keys: Vec<Pem> = blocks("the key", text)?.into_iter().filter(|block| block.tag().ends_with("KEY")).collect();
    let [key] = keys.as_slice() else {
        return wrong("there must be one private key in it, and nothing else that is one");
    };
    match key.tag() {
        "PRIVATE KEY" => Ok(pem::encode_config(key, form())),
        "ENCRYPTED PRIVATE KEY" => wrong(
            "it is encrypted, and clients take it as it is: `openssl pkcs8 -topk8 -nocrypt -in KEY -out client.key`",
        ),
        _ => wrong("it is not PKCS#8, which Java needs: `openssl pkcs8 -topk8 -nocrypt -in KEY -out client.key`"),
    }
}

fn blocks(what: &'static str, text: &str) -> Result<Vec<Pem>, BundleError> {
    // Which bytes are wrong is not said: they may be a key's.
    pem::parse_many(text).map_err(|_| BundleError::Pem { what, problem: "it is no PEM".to_owned() })
}

fn form() -> EncodeConfig {
    EncodeConfig::new().set_line_ending(LineEnding::LF)
}

fn name(what: &'static str, text: &str) -> Result<(), BundleError> {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let sound = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(sign);
    let problem = "it has 1 to 249 letters, digits, dots, underscores and dashes";
    if sound { Ok(()) } else { Err(BundleError::Value { what, value: text.to_owned(), problem }) }
}

fn host(address: &Address) -> Result<(), BundleError> {
    let text = address.host.as_str();
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let sound = text.parse::<IpAddr>().is_ok() || (text.len() <= LONGEST_HOST && text.split('.').all(label));
    let problem = "it is a DNS name or an IP address";
    if sound { Ok(()) } else { Err(BundleError::Value { what: "host", value: text.to_owned(), problem }) }
}

fn hexadecimal(what: &'static str, text: &str) -> Result<(), BundleError> {
    let sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let problem = "it is made of hexadecimal digits";
    if sound { Ok(()) } else { Err(BundleError::Value { what, value: text.to_owned(), problem }) }
}
