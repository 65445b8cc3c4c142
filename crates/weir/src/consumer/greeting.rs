//! The first connection: what its end says, of TLS, of the dates, of who we are there.
//!
//! Weir refuses a certificate in the handshake, with an alert that says why, and who is known but may not come in after
//! it, without a word. Must never: read more out of an alert than TLS puts into it.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use kafka_protocol::messages::ApiVersionsRequest;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use weir_kafka::consumer;

use super::bundle::Bundle;
use super::connection::{CLIENT_ID, Connection, End};
use super::dates::Verdict;
use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::Finding;
use super::place::Place;
use super::text::plain;
use super::visit::Versions;

/// How long a server that says nothing is watched for closing by itself.
const WATCH: Duration = Duration::from_secs(1);

/// What came of greeting a server.
pub(crate) struct Greeting {
    pub(crate) connection: Connection,
    /// What the server says of our certificate's dates.
    pub(crate) verdict: Verdict,
    /// What it serves, or why it does not serve us.
    pub(crate) served: Result<Versions, Finding>,
}

/// Shakes hands and asks what is served. An error is one of the step `tls`.
pub(crate) fn greet(
    mut connection: Connection,
    addresses: &[SocketAddr],
    bundle: &Bundle,
    deadline: Deadline,
) -> Result<Greeting, Finding> {
    let answer =
        connection.shake_hands(deadline).and_then(|()| connection.ask(0, &ApiVersionsRequest::default(), deadline));
    let end = match answer {
        Ok(answer) => {
            let versions = Versions::of(&answer);
            return Ok(Greeting { connection, verdict: Verdict::Accepted, served: Ok(versions) });
        }
        Err(end) => end,
    };
    if connection.check().shown().is_none() {
        return Err(before_certificates(&connection, &end, addresses, deadline));
    }
    let (verdict, served) = match &end {
        End::Tls(Error::AlertReceived(alert)) => of_alert(*alert)?,
        End::Tls(error) => return Err(of_error(error, &connection, bundle)),
        _ if connection.version().is_none() => return Err(Finding::new(Fault::TlsBroken, shown(&end))),
        // The handshake was done: Weir would have said so, had it refused our certificate. Others may not.
        End::Closed => (Verdict::Unknown, Finding::new(Fault::ClosedAfterTls, "closed behind the TLS handshake")),
        End::Silent => (Verdict::Unknown, Finding::new(Fault::NoAnswer, "no answer to ApiVersions")),
        _ => (Verdict::Unknown, Finding::new(Fault::NotKafka, shown(&end))),
    };
    Ok(Greeting { connection, verdict, served: Err(served) })
}

/// What an alert says that came when the server had shown its certificate: what it thinks of ours.
fn of_alert(alert: AlertDescription) -> Result<(Verdict, Finding), Finding> {
    let seen = format!("TLS alert {alert:?}");
    let of_tls = |fault| Err(Finding::new(fault, seen.clone()));
    match alert {
        AlertDescription::CertificateExpired => Ok((Verdict::OutsideItsDates, Finding::new(Fault::ClocksDiffer, seen))),
        // The verifier looks at the dates before it asks who it is.
        AlertDescription::AccessDenied => Ok((Verdict::Accepted, Finding::new(Fault::PrincipalUnknown, seen))),
        AlertDescription::CertificateUnknown => Ok((Verdict::Unknown, Finding::new(Fault::Suspended, seen))),
        AlertDescription::UnknownCA => of_tls(Fault::CertificateUntrusted),
        AlertDescription::CertificateRevoked => of_tls(Fault::CertificateRevoked),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRequired
        | AlertDescription::DecryptError => of_tls(Fault::CertificateRefused),
        _ => of_tls(Fault::TlsBroken),
    }
}

/// What we think of the server's certificate, or of its TLS.
fn of_error(error: &Error, connection: &Connection, bundle: &Bundle) -> Finding {
    let issuer = connection.check().shown().and_then(|shown| shown.issuer).unwrap_or_default();
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            let ours = bundle.authorities.join("; ");
            let seen = format!("the server's certificate comes from {}, and the bundle trusts {ours}", plain(&issuer));
            Finding::new(Fault::ServerUntrusted, seen).with("issuer", plain(&issuer)).with("trusted", ours)
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Finding::new(Fault::ServerName, plain(&error.to_string())),
        Error::InvalidCertificate(_) => Finding::new(Fault::ServerCertificateBad, plain(&error.to_string())),
        _ => Finding::new(Fault::TlsBroken, plain(&error.to_string())),
    }
}

/// It did not come as far as the server's certificate.
fn before_certificates(connection: &Connection, end: &End, addresses: &[SocketAddr], deadline: Deadline) -> Finding {
    match end {
        End::Tls(Error::AlertReceived(alert)) => {
            let fault = match alert {
                AlertDescription::AccessDenied | AlertDescription::UnrecognisedName => Fault::ServerNameRefused,
                AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity => Fault::TlsVersion,
                _ => Fault::TlsBroken,
            };
            Finding::new(fault, format!("TLS alert {alert:?}"))
        }
        End::Tls(Error::PeerIncompatible(why)) if is_version(why) => Finding::new(Fault::TlsVersion, shown(end)),
        End::Tls(Error::UnsupportedNameType) => {
            Finding::new(Fault::ServerNameRefused, "a host name that TLS cannot hold")
        }
        End::Tls(_) if connection.first().starts_with(b"HTTP/") => Finding::new(Fault::PlainHttp, first(connection)),
        End::Tls(Error::InvalidMessage(_)) => Finding::new(Fault::NotTls, first(connection)),
        End::Tls(_) => Finding::new(Fault::TlsBroken, shown(end)),
        End::Silent => Finding::new(Fault::TlsSilent, "no answer to the TLS greeting"),
        _ => without_tls(addresses, deadline),
    }
}

fn is_version(why: &PeerIncompatible) -> bool {
    matches!(
        why,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
    )
}

/// It closed when it was greeted with TLS. Does it close by itself, or speak Kafka without TLS?
fn without_tls(addresses: &[SocketAddr], deadline: Deadline) -> Finding {
    if closes_by_itself(addresses, deadline) {
        return Finding::new(Fault::ClosedBeforeTls, "closed before anything was sent");
    }
    if speaks_plain_kafka(addresses, deadline).unwrap_or(false) {
        return Finding::new(Fault::PlaintextKafka, "it answered a Kafka request without TLS");
    }
    Finding::new(Fault::NotTls, "it closes when it is greeted with TLS, and does not answer Kafka without TLS")
}

fn closes_by_itself(addresses: &[SocketAddr], deadline: Deadline) -> bool {
    let Ok(mut tcp) = Place::connect(addresses, deadline) else { return false };
    let watched = deadline.or_after(WATCH).left().map(|left| tcp.set_read_timeout(Some(left)));
    if !matches!(watched, Some(Ok(()))) {
        return false;
    }
    match tcp.read(&mut [0]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn speaks_plain_kafka(addresses: &[SocketAddr], deadline: Deadline) -> Option<bool> {
    let asked = 7;
    let mut tcp = Place::connect(addresses, deadline).ok()?;
    tcp.set_write_timeout(Some(deadline.left()?)).ok()?;
    tcp.write_all(&consumer::request(&ApiVersionsRequest::default(), 0, asked, CLIENT_ID)?).ok()?;
    // The length of an answer, and its number.
    let (mut begin, mut read) = ([0; 8], 0);
    while let Some(room) = begin.get_mut(read..).filter(|room| !room.is_empty()) {
        tcp.set_read_timeout(Some(deadline.left()?)).ok()?;
        match tcp.read(room).ok()? {
            0 => return Some(false),
            count => read = read.saturating_add(count),
        }
    }
    let [.., a, b, c, d] = begin;
    Some(i32::from_be_bytes([a, b, c, d]) == asked)
}

fn first(connection: &Connection) -> String {
    format!("it answered \"{}\"", plain(&String::from_utf8_lossy(connection.first())))
}

/// How it ended, in words.
pub(crate) fn shown(end: &End) -> String {
    match end {
        End::Closed => "it closed the connection".to_owned(),
        End::Silent => "no answer in time".to_owned(),
        End::Tls(error) => plain(&error.to_string()),
        End::Length(length) => format!("it announced an answer of {length} bytes"),
        End::NotAnAnswer(why) => why.to_string(),
        End::NotSpoken => "it does not serve what a consumer needs".to_owned(),
    }
}
