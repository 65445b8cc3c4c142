//! Why a broker cannot be used, and what to do about it.
//!
//! Must never: leave an operator with a library's word alone.

use std::io;

use rustls::{CertificateError, Error};

use crate::upstream::{ExchangeError, HostPort, SaslError};

/// What is wrong with a broker, and what to do.
pub(super) fn unusable(name: &HostPort, error: &ExchangeError) -> (String, String) {
    let told = |what: &str, fix: &str| (format!("{name} {what}"), fix.to_owned());
    match error {
        ExchangeError::Unresolved => told("has no address", "correct the name, or add it to DNS or /etc/hosts"),
        ExchangeError::Connect(error) => (
            format!("{name} cannot be reached: {error}"),
            "start the broker, or open the way from here to it".to_owned(),
        ),
        ExchangeError::Handshake(error) | ExchangeError::Io(error) => match rustls_error(error) {
            Some(error) => of_tls(name, error),
            None => (format!("{name}: {error}"), "look at the broker's log".to_owned()),
        },
        ExchangeError::Closed => told(
            "closed the connection",
            "if that port speaks TLS write `tls:`, if it does not take `tls:` away; if it asks for SASL write `sasl:`; else \
             look at the broker's log",
        ),
        ExchangeError::Sasl(error @ SaslError::Secret { .. }) => (error.to_string(), error.fix().to_owned()),
        ExchangeError::Sasl(error) => (format!("{name} does not let Weir in: {error}"), error.fix().to_owned()),
        ExchangeError::TimedOut => told("did not answer in time", "look at the broker, and at what is before it"),
        ExchangeError::TooOld => {
            told("is older than Kafka 0.10.1", "update it: Weir needs the cluster's id in Metadata")
        }
        other => (format!("{name}: {other}"), "look at whether a Kafka broker listens there".to_owned()),
    }
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref::<Error>()
}

fn of_tls(name: &HostPort, error: &Error) -> (String, String) {
    let kind = if name.host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    let (what, fix) = match error {
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => (
            "shows a certificate that is not for the name that is dialled".to_owned(),
            format!(
                "issue it with the subject alternative name {kind}:{}, or write the name that it has as `server_name`",
                name.host
            ),
        ),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => (
            "shows a certificate that has expired by this machine's clock".to_owned(),
            "issue a new one, or set the clock".to_owned(),
        ),
        Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => (
            "shows a certificate that is not valid yet by this machine's clock".to_owned(),
            "set the clocks, here or where it was issued".to_owned(),
        ),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => (
            "shows a certificate that does not come from `ca`".to_owned(),
            "write the brokers' CA as `ca` of `tls`".to_owned(),
        ),
        Error::AlertReceived(alert) => (
            format!("refuses Weir's certificate ({alert:?})"),
            "write a `certificate` that the broker's truststore and `ssl.client.auth` take, valid by its clock"
                .to_owned(),
        ),
        Error::InvalidMessage(_) => {
            ("does not speak TLS".to_owned(), "write its TLS port, or take `tls:` away".to_owned())
        }
        other => (format!("does not shake hands: {other}"), "look at the broker's TLS settings".to_owned()),
    };
    (format!("{name} {what}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_told_with_what_to_issue() {
        let name = |host: &str| HostPort { host: host.to_owned(), port: 9093 };
        let said = |host: &str, error| {
            let error = ExchangeError::Handshake(io::Error::new(io::ErrorKind::InvalidData, error));
            let (what, fix) = unusable(&name(host), &error);
            format!("{what}; {fix}")
        };
        let of = |error| Error::InvalidCertificate(error);
        assert_eq!(
            said("kafka1.internal", of(CertificateError::NotValidForName)),
            "kafka1.internal:9093 shows a certificate that is not for the name that is dialled; issue it with the \
             subject alternative name DNS:kafka1.internal, or write the name that it has as `server_name`"
        );
        assert!(said("192.0.2.1", of(CertificateError::NotValidForName)).contains("IP:192.0.2.1"));
        assert!(said("a", of(CertificateError::NotValidYet)).contains("set the clocks"));
        assert!(said("a", of(CertificateError::UnknownIssuer)).contains("`ca`"));
        assert!(said("a", Error::AlertReceived(rustls::AlertDescription::UnknownCA)).contains("(UnknownCA)"));
    }
}
