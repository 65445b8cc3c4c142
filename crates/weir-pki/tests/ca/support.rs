//! What these tests share. Must never touch a file outside a test's own directory.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use weir_pki::inspect::{self, CertificateFacts, CrlFacts, Item};
use weir_pki::{
    Above, By, CaDirectory, CaSigner, ClientSubject, Created, KeyKind, NewAuthority, SerialHex, SignedEntry, Terms,
};
use x509_parser::pem::parse_x509_pem;

/// An operator with a ticket.
pub fn by() -> By {
    By { operator: "ada".to_owned(), ticket: Some("T1".to_owned()) }
}

/// A new authority that is a root.
pub fn new_root(common_name: &str) -> NewAuthority<'_> {
    NewAuthority {
        common_name,
        organisation: None,
        key: KeyKind::EcdsaP256,
        passphrase: None,
        days: None,
        above: Above::Nothing,
    }
}

/// A root in a directory of its own, unlocked.
pub struct Root {
    /// Goes away with the test.
    pub temp: TempDir,
    /// The CA directory.
    pub path: PathBuf,
    /// It, unlocked.
    pub signer: CaSigner,
}

impl Root {
    pub fn new() -> Root {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("ca");
        let signer = ready(CaDirectory::create(&path, new_root("Test root"), &by()).unwrap());
        Root { temp, path, signer }
    }

    pub fn issue(&mut self, name: &str) -> SerialHex {
        self.signer.issue_client(&ClientSubject::named(name), Terms::default(), &by()).unwrap().entry.serial
    }

    pub fn sign(&mut self, csr_pem: &str, subject: &ClientSubject) -> SignedEntry {
        self.signer.sign_client(csr_pem, subject, Terms::default(), &by()).unwrap()
    }
}

/// The authority, unlocked without a passphrase.
pub fn ready(created: Created) -> CaSigner {
    match created {
        Created::Ready(directory) => directory.unlock(None).unwrap(),
        Created::AwaitsCertificate { request } => panic!("awaits a certificate for {}", request.display()),
    }
}

pub fn unlocked(path: &Path) -> CaSigner {
    CaDirectory::open(path).unwrap().unlock(None).unwrap()
}

/// The first certificate of a PEM text.
pub fn facts(pem: &str) -> CertificateFacts {
    let items = inspect::read(pem).unwrap();
    items.into_iter().find_map(|item| if let Item::Certificate(facts) = item { Some(*facts) } else { None }).unwrap()
}

/// The revocation list of a CA directory.
pub fn crl(path: &Path) -> CrlFacts {
    let items = inspect::read(&std::fs::read_to_string(path.join("crl.pem")).unwrap()).unwrap();
    items.into_iter().find_map(|item| if let Item::RevocationList(facts) = item { Some(*facts) } else { None }).unwrap()
}

/// The serial numbers of the revocation list of a CA directory.
pub fn revoked(path: &Path) -> Vec<SerialHex> {
    crl(path).revoked.into_iter().map(|revoked| revoked.serial).collect()
}

/// The bytes of the first PEM block.
pub fn der(pem: &str) -> Vec<u8> {
    parse_x509_pem(pem.as_bytes()).unwrap().1.contents
}

/// A PEM block of these bytes.
pub fn pem(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

/// A copy of a CA directory.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // With its mode.
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
