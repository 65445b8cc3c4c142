//! Certificates with RSA-2048 keys, a CA's included, which nobody should make any more and many have: Weir's own tools make
//! none.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize, SanType,
};

use super::CLIENT;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// Writes `ca.pem`, and certificate and key of server and client.
pub fn write(dir: &Path) -> Done<()> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Weir bench RSA CA, good for nothing else");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    fs::write(dir.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    leaf(dir, "server", "localhost", ExtendedKeyUsagePurpose::ServerAuth, &issuer)?;
    leaf(dir, "client", CLIENT, ExtendedKeyUsagePurpose::ClientAuth, &issuer)
}

fn leaf(dir: &Path, stem: &str, name: &str, usage: ExtendedKeyUsagePurpose, issuer: &Issuer<'_, KeyPair>) -> Done<()> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if usage == ExtendedKeyUsagePurpose::ServerAuth {
        params.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    }
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    fs::write(dir.join(format!("{stem}.pem")), params.signed_by(&key, issuer)?.pem())?;
    // Weir takes no key that others can read.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(format!("{stem}.key")))?;
    file.write_all(key.serialize_pem().as_bytes())?;
    Ok(())
}
