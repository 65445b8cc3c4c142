//! Why a broker cannot be used, and what to do about it.
//!
//! Must never: leave an operator with a library's word alone.

use std::io;

use rustls::{CertificateError, Error};

use crate::upstream::{ExchangeError, HostPort, SaslError};

/// What is wrong with a broker, and what to do.
pub(super) fn unusable(name: &HostPort, failed: &ExchangeError) -> (String, String) {
    let told = |what: &str, fix: &str| (format!("{name} {what}"), fix.to_owned());
    match failed {
        ExchangeError::Unresolved => told("has no address", "correct the name, or add it to DNS or /etc/hosts"),
        ExchangeError::Connect(error) => (
            format!("{name} cannot be reached: {error}"),
            "start the broker, or open the way from here to it".to_owned(),
        ),
        ExchangeError::Handshake(error) | ExchangeError::Io(error) => match (rustls_error(error), failed) {
            (Some(error), _) => of_tls(name, error),
            (None, ExchangeError::Handshake(_)) => (
                format!("{name} ends the TLS handshake: {error}"),
                "if that port does not speak TLS write its TLS port, or take `tls:` away; else look at the broker's log"
                    .to_owned(),
            ),
            (None, _) => (format!("{name}: {error}"), "look at the broker's log".to_owned()),
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
            let fix = "update it, or, if that port is a KRaft controller's, write a broker's";
            told("does not serve Metadata with the cluster's id, as brokers from Kafka 0.10.1 on do", fix)
        }
        ExchangeError::FrameLength(length) if length.to_be_bytes().starts_with(&TLS_ALERT) => {
            told("speaks TLS", "write `tls:`, with the brokers' CA as `ca`")
        }
        other => (format!("{name}: {other}"), "look at whether a Kafka broker listens there".to_owned()),
    }
}

/// What stands where an answer's length would be, from a port that speaks TLS: an alert, of version 3.
const TLS_ALERT: [u8; 2] = [0x15, 3];

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

    #[test]
    fn a_wrong_port_is_told_as_one() {
        let name = HostPort { host: "kafka1.internal".to_owned(), port: 9093 };
        let said = |error| unusable(&name, &error);
        let (what, fix) = said(ExchangeError::Handshake(io::ErrorKind::UnexpectedEof.into()));
        assert!(what.contains("ends the TLS handshake") && fix.contains("take `tls:` away"), "{what}; {fix}");
        let (what, fix) = said(ExchangeError::FrameLength(i32::from_be_bytes([0x15, 3, 3, 0])));
        assert_eq!((what.as_str(), fix.contains("`tls:`")), ("kafka1.internal:9093 speaks TLS", true));
        let (what, fix) = said(ExchangeError::FrameLength(1_213_486_160));
        assert!(what.contains("1213486160 bytes") && fix.contains("whether a Kafka broker listens"), "{what}; {fix}");
        let (_, fix) = said(ExchangeError::TooOld);
        assert!(fix.contains("KRaft controller"), "{fix}");
    }
}
