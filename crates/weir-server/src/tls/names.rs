//! Whether a certificate stands for a name, as the clients of Kafka decide it.
//!
//! They differ, so the strictest of them counts: only alternative names (Go ignores the common name), a star only as
//! the whole first label and for one label (RFC 6125), and at least two labels after it (OpenSSL).

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::identity::{BadCertificate, server_names};
use crate::config::AdvertisedName;

/// Those of these names for which no client takes the first certificate of a PEM text.
///
/// # Errors
/// There is no certificate, or it cannot be read.
pub fn not_covered<'a>(pem: &[u8], names: &'a [AdvertisedName]) -> Result<Vec<&'a AdvertisedName>, BadCertificate> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| BadCertificate)?;
    let (hosts, addresses) = server_names(&der)?;
    let certified = CertifiedNames { hosts, addresses };
    Ok(names.iter().filter(|name| !certified.cover(name)).collect())
}

/// What a certificate stands for.
#[derive(Debug, Default)]
pub(super) struct CertifiedNames {
    /// DNS names, perhaps with a star.
    pub(super) hosts: Vec<String>,
    /// IP addresses, as bytes.
    pub(super) addresses: Vec<Vec<u8>>,
}

impl CertifiedNames {
    /// Whether a client that looks for this name accepts the certificate.
    pub(super) fn cover(&self, name: &AdvertisedName) -> bool {
        match name {
            AdvertisedName::Host(host) => self.hosts.iter().any(|pattern| matches_host(pattern, host)),
            // Broker ids are not known here: only a star stands for all of them.
            AdvertisedName::EveryBroker(host) => self.hosts.iter().any(|pattern| is_star_before(pattern, host)),
            AdvertisedName::Ip(ip) => {
                let bytes = match ip {
                    IpAddr::V4(ip) => ip.octets().to_vec(),
                    IpAddr::V6(ip) => ip.octets().to_vec(),
                };
                self.addresses.contains(&bytes)
            }
        }
    }
}

fn matches_host(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && is_star_before(pattern, rest))
}

fn is_star_before(pattern: &str, rest: &str) -> bool {
    let under = pattern.strip_prefix("*.").is_some_and(|under| under.eq_ignore_ascii_case(rest));
    under && rest.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(hosts: &[&str], name: &AdvertisedName) -> bool {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        CertifiedNames { hosts, addresses: vec![vec![192, 0, 2, 1]] }.cover(name)
    }

    fn host(name: &str) -> AdvertisedName {
        AdvertisedName::Host(name.to_owned())
    }

    fn brokers(name: &str) -> AdvertisedName {
        AdvertisedName::EveryBroker(name.to_owned())
    }

    #[test]
    fn a_star_is_one_whole_first_label() {
        assert!(cover(&["*.example.org"], &host("kafka.example.org")));
        assert!(cover(&["*.EXAMPLE.org"], &host("Kafka.example.ORG")));
        for pattern in ["*.org", "k*.example.org", "*.*.org", "*", "kafka.*.org", "*.example.org."] {
            assert!(!cover(&[pattern], &host("kafka.example.org")), "{pattern}");
        }
        assert!(!cover(&["*.example.org"], &host("example.org")), "a star is not no label");
        assert!(!cover(&["*.example.org"], &host("b1.kafka.example.org")), "a star is not two labels");
    }

    #[test]
    fn every_broker_needs_a_star_before_the_bootstrap_name() {
        assert!(cover(&["*.kafka.example.org"], &brokers("kafka.example.org")));
        assert!(!cover(&["*.example.org", "b1.kafka.example.org"], &brokers("kafka.example.org")));
        assert!(!cover(&["*.localhost"], &brokers("localhost")), "OpenSSL wants two labels after a star");
    }

    #[test]
    fn an_address_needs_an_address() {
        assert!(cover(&[], &AdvertisedName::Ip("192.0.2.1".parse().unwrap())));
        assert!(!cover(&["192.0.2.2"], &AdvertisedName::Ip("192.0.2.2".parse().unwrap())));
        assert!(!cover(&["192.0.2.1"], &host("192.0.2.9")));
    }
}
