//! A certificate authority held in memory.
//!
//! Every key is ECDSA P-256, and every certificate gets a key of its own. Must never sign a certificate without an
//! extended key usage, and must never let a leaf sign.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType, SerialNumber,
};

use crate::error::PkiError;
use crate::issued::Issued;
use crate::subject::{self, ClientSubject, Usage, Validity};

/// How long an authority is valid.
const AUTHORITY_DAYS: i64 = 3_650;
/// How long a server certificate is valid: short enough that its renewal is a habit.
const SERVER_DAYS: i64 = 90;

/// A certificate authority: a root, or an intermediate made by [`Authority::intermediate`].
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
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
        let key = new_key()?;
        let params = authority_params(common_name, BasicConstraints::Unconstrained)?;
        let certificate_pem = params.self_signed(&key).map_err(PkiError::Signing)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), certificate_pem, intermediates_pem: String::new() })
    }

    /// A new intermediate below this authority, which may sign leaves only; valid for ten years.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn intermediate(&self, common_name: &str) -> Result<Authority, PkiError> {
        let key = new_key()?;
        let params = authority_params(common_name, BasicConstraints::Constrained(0))?;
        let certificate_pem = params.signed_by(&key, &self.issuer).map_err(PkiError::Signing)?.pem();
        let intermediates_pem = format!("{certificate_pem}{}", self.intermediates_pem);
        Ok(Authority { issuer: Issuer::new(params, key), certificate_pem, intermediates_pem })
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
        let sans = subject::server_sans(names)?;
        let common_name = names.iter().copied().find(|name| subject::is_common_name(name)).unwrap_or_default();
        self.issue(subject::distinguished_name(common_name, None)?, sans, &[Usage::Server], validity)
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
        let name = subject::distinguished_name(&subject.common_name, subject.organisation.as_deref())?;
        self.issue(name, subject.sans()?, usages, validity)
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
        let params = CertificateRevocationListParams {
            this_update: validity.not_before,
            next_update: validity.not_after,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(revoke).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(PkiError::Signing)
    }

    fn issue(
        &self,
        name: DistinguishedName,
        sans: Vec<SanType>,
        usages: &[Usage],
        validity: Validity,
    ) -> Result<Issued, PkiError> {
        if usages.is_empty() {
            return Err(PkiError::NoUsage);
        }
        let key = new_key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.subject_alt_names = sans;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.iter().copied().map(purpose).collect();
        params.use_authority_key_identifier_extension = true;
        params.not_before = validity.not_before;
        params.not_after = validity.not_after;
        let certificate_pem = params.signed_by(&key, &self.issuer).map_err(PkiError::Signing)?.pem();
        let chain_pem = format!("{certificate_pem}{}", self.intermediates_pem);
        Ok(Issued { certificate_pem, chain_pem, key_pem: key.serialize_pem() })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

fn new_key() -> Result<KeyPair, PkiError> {
    KeyPair::generate().map_err(PkiError::Signing)
}

fn authority_params(common_name: &str, constraints: BasicConstraints) -> Result<CertificateParams, PkiError> {
    let validity = Validity::days(AUTHORITY_DAYS);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject::distinguished_name(common_name, None)?;
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = validity.not_before;
    params.not_after = validity.not_after;
    Ok(params)
}

fn purpose(usage: Usage) -> ExtendedKeyUsagePurpose {
    match usage {
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }
}
