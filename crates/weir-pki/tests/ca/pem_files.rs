//! Looking at PEM files.

use std::path::PathBuf;

use proptest::prelude::*;
use weir_pki::inspect::{self, InspectError, Item};
use weir_pki::{KeyKind, RevocationCause, Terms, Which, csr};

use crate::support::{Root, by, der, pem};

#[test]
fn every_block_of_a_file_is_told_in_its_order() {
    let mut root = Root::new();
    root.issue("a-tool");
    let read = |name: &str| std::fs::read_to_string(root.path.join(name)).unwrap();
    let all = format!("text before\n{}{}{}", read("ca.pem"), read("crl.pem"), read("ca.key"));
    let items = inspect::read(&all).unwrap();
    let [Item::Certificate(ca), Item::RevocationList(list), Item::Key(key)] = &items[..] else { panic!("{items:?}") };
    assert_eq!(ca.subject, list.issuer);
    assert_eq!(Some(&ca.public_key_sha256), key.public_key_sha256.as_ref(), "which key is whose");
    assert_eq!((key.key.as_deref(), key.is_encrypted), (Some("ECDSA P-256"), false));
    let shown = format!("{items:?}");
    assert!(!shown.contains(read("ca.key").lines().nth(1).unwrap()), "{shown}");
}

#[test]
fn what_cannot_be_read_is_named() {
    assert_eq!(inspect::read("").unwrap_err(), InspectError::NoPem);
    assert_eq!(inspect::read("\u{1}DER").unwrap_err(), InspectError::NoPem);
    let broken = inspect::read(&pem("CERTIFICATE", b"no certificate")).unwrap_err();
    assert_eq!(broken, InspectError::Unreadable { number: 1, label: "CERTIFICATE".to_owned() });
    let unknown = inspect::read(&pem("DH PARAMETERS", b"1")).unwrap_err();
    assert_eq!(unknown, InspectError::Unknown { number: 1, label: "DH PARAMETERS".to_owned() });
    assert!(inspect::read("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n").is_err());
    assert!(inspect::read("-----BEGIN CERTIFICATE-----\n").is_err());
}

const LABELS: [&str; 6] =
    ["CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "X"];

thread_local! {
    static GOOD: Vec<(&'static str, Vec<u8>)> = {
        let mut root = Root::new();
        root.issue("a-tool");
        root.signer.revoke(Which::Name("a-tool"), false, RevocationCause::KeyCompromise, &by()).unwrap();
        let names = ["weir.example", "192.0.2.1"];
        let server = root.signer.issue_server(&names, Terms::default(), &by()).unwrap().issued;
        let key = root.temp.path().join("key");
        let request = root.temp.path().join("request");
        csr::create(&key, &request, "a-tool", KeyKind::EcdsaP256).unwrap();
        let read = |path: PathBuf| der(&std::fs::read_to_string(path).unwrap());
        vec![
            ("CERTIFICATE", der(&server.certificate_pem)),
            ("X509 CRL", read(root.path.join("crl.pem"))),
            ("CERTIFICATE REQUEST", read(request)),
            ("PRIVATE KEY", read(key)),
        ]
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn hostile_bytes_are_never_more_than_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        which in 0..LABELS.len(),
    ) {
        let _ = inspect::read(&pem(LABELS[which], &bytes));
        let _ = inspect::read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn hostile_changes_of_good_blocks_are_never_more_than_an_error(
        which in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (label, mut bytes) = GOOD.with(|good| good[which].clone());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = inspect::read(&pem(label, &bytes));
    }
}
