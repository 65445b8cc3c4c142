//! Looking at PEM files.

use proptest::prelude::*;
use weir_pki::inspect::{self, InspectError, Item};

use crate::support::{Root, pem};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn hostile_bytes_are_never_more_than_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), which in 0..6_usize) {
        let label = ["CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "X"][which];
        let _ = inspect::read(&pem(label, &bytes));
        let _ = inspect::read(&String::from_utf8_lossy(&bytes));
    }
}
