//! A certificate authority held in memory.
//!
//! Every certificate gets a key of its own. Must never sign a certificate without an extended key usage, must never let
//! a leaf sign, and must never outlive itself in what it signs.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevocationReason, RevokedCertParams, SanType,
    SerialNumber,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

use crate::error::PkiError;
use crate::issued::Issued;
use crate::key::KeyKind;
use crate::serial::SerialHex;
use crate::subject::{self, ClientSubject, Usage, Validity};

/// How long an authority is valid.
const AUTHORITY_DAYS: i64 = 3_650;
/// How long a server certificate is valid: short enough that its renewal is a habit.
const SERVER_DAYS: i64 = 90;

/// A certificate authority: a root, or an intermediate made by [`Authority::intermediate`].
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// How its certificates and lists name its key.
    key_id: KeyIdMethod,
    certificate_pem: String,
    /// This certificate and those above it, without the root, which the other side must have already. Empty for a root.
    intermediates_pem: String,
}

impl Authority {
    /// A new self-signed root, valid for ten years.
    ///
    /// # Errors
    /// [`PkiError::Name`] for a name that a certificate cannot hold, [`PkiError::Signing`] if no key could be made.
    pub fn new(common_name: &str) -> Result<Authority, PkiError> {
        let key = KeyKind::default().generate()?;
        let certificate_pem = AuthorityOrder::named(common_name, AUTHORITY_DAYS).self_signed(&key)?;
        Authority::of_certificate(certificate_pem, String::new(), key)
    }

    /// A new intermediate below this authority, which may sign leaves only; valid for ten years.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn intermediate(&self, common_name: &str) -> Result<Authority, PkiError> {
        let key = KeyKind::default().generate()?;
        let certificate_pem = self.sign_authority(&key, &AuthorityOrder::named(common_name, AUTHORITY_DAYS))?;
        let intermediates_pem = self.chain_of(&certificate_pem);
        Authority::of_certificate(certificate_pem, intermediates_pem, key)
    }

    /// The authority with this certificate and key. `intermediates_pem` is what follows its leaves in a chain.
    pub(crate) fn of_certificate(
        certificate_pem: String,
        intermediates_pem: String,
        key: KeyPair,
    ) -> Result<Authority, PkiError> {
        let key_id = key_id(&certificate_pem).unwrap_or(KeyIdMethod::Sha256);
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(PkiError::Signing)?;
        Ok(Authority { issuer, key_id, certificate_pem, intermediates_pem })
    }

    /// The certificate of this authority, in PEM: what the other side of a connection must trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A server certificate for `names`, each a DNS name (`*.weir.example` is one) or an IP address; valid for 90 days.
    ///
    /// # Errors
    /// [`PkiError::Name`] for a name that a certificate cannot hold, or for no name at all.
    pub fn server(&self, names: &[&str]) -> Result<Issued, PkiError> {
        self.server_valid(names, Validity::days(SERVER_DAYS))
    }

    /// A server certificate as [`Authority::server`] makes it, with the validity of the caller's choice.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn server_valid(&self, names: &[&str], validity: Validity) -> Result<Issued, PkiError> {
        self.issue(&LeafOrder::server(names, validity)?)
    }

    /// A client certificate.
    ///
    /// # Errors
    /// [`PkiError::Name`] for a name that a certificate cannot hold.
    pub fn client(&self, subject: &ClientSubject, validity: Validity) -> Result<Issued, PkiError> {
        self.client_with_usages(subject, validity, &[Usage::Client])
    }

    /// A client certificate with the extended key usages of the caller's choice: a test of a wrong one needs it.
    ///
    /// # Errors
    /// As [`Authority::client`]; [`PkiError::NoUsage`] if `usages` is empty, for that would mean every usage.
    pub fn client_with_usages(
        &self,
        subject: &ClientSubject,
        validity: Validity,
        usages: &[Usage],
    ) -> Result<Issued, PkiError> {
        self.issue(&LeafOrder { usages, ..LeafOrder::client(subject, validity)? })
    }

    /// A revocation list of these serial numbers (the bytes, most significant first), in PEM. `validity` is its update
    /// and the next one.
    ///
    /// # Errors
    /// [`PkiError::Signing`] where it cannot be signed.
    pub fn revocation_list(&self, number: u64, revoked: &[&[u8]], validity: Validity) -> Result<String, PkiError> {
        let revoke = |serial: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: validity.not_before,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        self.list(number, revoked.iter().map(revoke).collect(), validity)
    }

    /// A revocation list of these certificates, in PEM.
    pub(crate) fn list(
        &self,
        number: u64,
        revoked: Vec<RevokedCertParams>,
        validity: Validity,
    ) -> Result<String, PkiError> {
        let params = CertificateRevocationListParams {
            this_update: validity.not_before,
            next_update: validity.not_after,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: self.key_id.clone(),
        };
        params.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(PkiError::Signing)
    }

    /// A certificate for a key, in PEM.
    pub(crate) fn sign(&self, key: &impl PublicKeyData, order: &LeafOrder<'_>) -> Result<String, PkiError> {
        if order.usages.is_empty() {
            return Err(PkiError::NoUsage);
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = order.name.clone();
        params.subject_alt_names.clone_from(&order.sans);
        params.serial_number = order.serial.as_ref().map(serial_number);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = order.usages.iter().copied().map(purpose).collect();
        params.use_authority_key_identifier_extension = true;
        params.not_before = order.validity.not_before;
        params.not_after = order.validity.not_after;
        Ok(params.signed_by(key, &self.issuer).map_err(PkiError::Signing)?.pem())
    }

    /// A certificate of an intermediate, which may sign leaves only, in PEM.
    pub(crate) fn sign_authority(
        &self,
        key: &impl PublicKeyData,
        order: &AuthorityOrder<'_>,
    ) -> Result<String, PkiError> {
        let params = order.params(BasicConstraints::Constrained(0))?;
        Ok(params.signed_by(key, &self.issuer).map_err(PkiError::Signing)?.pem())
    }

    /// A certificate of this authority with those above it, without the root.
    pub(crate) fn chain_of(&self, certificate_pem: &str) -> String {
        format!("{certificate_pem}{}", self.intermediates_pem)
    }

    fn issue(&self, order: &LeafOrder<'_>) -> Result<Issued, PkiError> {
        let key = KeyKind::default().generate()?;
        let certificate_pem = self.sign(&key, order)?;
        let chain_pem = self.chain_of(&certificate_pem);
        Ok(Issued { certificate_pem, chain_pem, key_pem: key.serialize_pem() })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// What a leaf is to be.
pub(crate) struct LeafOrder<'a> {
    name: DistinguishedName,
    sans: Vec<SanType>,
    usages: &'a [Usage],
    validity: Validity,
    /// Nothing: made from the key.
    serial: Option<SerialHex>,
}

impl LeafOrder<'_> {
    pub(crate) fn client(subject: &ClientSubject, validity: Validity) -> Result<LeafOrder<'static>, PkiError> {
        let name = subject::distinguished_name(&subject.common_name, subject.organisation.as_deref())?;
        Ok(LeafOrder { name, sans: subject.sans()?, usages: &[Usage::Client], validity, serial: None })
    }

    pub(crate) fn server(names: &[&str], validity: Validity) -> Result<LeafOrder<'static>, PkiError> {
        let sans = subject::server_sans(names)?;
        let name = subject::distinguished_name(subject::server_common_name(names), None)?;
        Ok(LeafOrder { name, sans, usages: &[Usage::Server], validity, serial: None })
    }

    pub(crate) fn numbered(self, serial: &SerialHex) -> Self {
        Self { serial: Some(serial.clone()), ..self }
    }
}

/// What an authority is to be.
pub(crate) struct AuthorityOrder<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) organisation: Option<&'a str>,
    pub(crate) validity: Validity,
    /// Nothing: made from the key.
    pub(crate) serial: Option<SerialHex>,
}

impl<'a> AuthorityOrder<'a> {
    fn named(common_name: &'a str, days: i64) -> AuthorityOrder<'a> {
        AuthorityOrder { common_name, organisation: None, validity: Validity::days(days), serial: None }
    }

    /// The certificate of a root, in PEM.
    pub(crate) fn self_signed(&self, key: &KeyPair) -> Result<String, PkiError> {
        let params = self.params(BasicConstraints::Unconstrained)?;
        Ok(params.self_signed(key).map_err(PkiError::Signing)?.pem())
    }

    fn params(&self, constraints: BasicConstraints) -> Result<CertificateParams, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject::distinguished_name(self.common_name, self.organisation)?;
        params.serial_number = self.serial.as_ref().map(serial_number);
        params.is_ca = IsCa::Ca(constraints);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        params.not_before = self.validity.not_before;
        params.not_after = self.validity.not_after;
        Ok(params)
    }
}

/// The key identifier that a certificate states.
fn key_id(certificate_pem: &str) -> Option<KeyIdMethod> {
    let (_, pem) = parse_x509_pem(certificate_pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(KeyIdMethod::PreSpecified(id.0.to_vec())),
        _ => None,
    })
}

fn serial_number(serial: &SerialHex) -> SerialNumber {
    SerialNumber::from_slice(&serial.to_bytes())
}

fn purpose(usage: Usage) -> ExtendedKeyUsagePurpose {
    match usage {
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }
}
