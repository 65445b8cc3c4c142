//! Making a CA directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use time::{Duration, OffsetDateTime};
use weir_pki::{Above, CaDirectory, CaError, ClientSubject, KeyKind, NewAuthority, Purpose, Terms};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::support::{Root, by, crl, der, facts, new_root, ready};

#[test]
fn a_root_is_whole_from_the_first_moment_and_for_its_owner_alone() {
    let root = Root::new();
    let mode = |name: &str| fs::metadata(root.path.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    assert_eq!(mode("ca.key"), 0o600);
    assert_eq!(mode("issued"), 0o700);
    let own = facts(root.signer.directory().certificate_pem());
    assert!(own.is_ca && own.usages == ["keyCertSign", "cRLSign"], "{own:?}");
    assert_eq!(own.key, "ECDSA P-256");
    let list = crl(&root.path);
    assert_eq!(list.number.unwrap().as_str(), "01");
    assert!(list.revoked.is_empty() && list.next_update.unwrap() > OffsetDateTime::now_utc() + Duration::days(29));
    assert!(root.signer.directory().remarks(OffsetDateTime::now_utc()).is_empty());
    let beside: Vec<_> = fs::read_dir(root.temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["ca"], "nothing else is left behind");
}

#[test]
fn an_intermediate_is_known_to_its_root_and_its_leaves_lead_there() {
    let mut root = Root::new();
    let path = root.temp.path().join("clients");
    let new = NewAuthority {
        organisation: Some("Example"),
        above: Above::Local(&mut root.signer),
        ..new_root("Test clients")
    };
    let mut signer = ready(CaDirectory::create(&path, new, &by()).unwrap());
    let known = &root.signer.directory().entries()[0];
    assert_eq!((known.purpose, known.name.as_str()), (Purpose::Authority, "Test clients"));
    assert_eq!(known.serial, facts(signer.directory().certificate_pem()).serial);
    assert_eq!(signer.directory().trust_pem(), root.signer.directory().certificate_pem());

    let issued = signer.issue_client(&ClientSubject::named("a-tool"), Terms::default(), &by()).unwrap().issued;
    let intermediate = signer.directory().certificate_pem();
    assert_eq!(issued.chain_pem, format!("{}{intermediate}", issued.certificate_pem), "without the root");
    let ders = [&issued.certificate_pem, intermediate, signer.directory().trust_pem()].map(der);
    for pair in ders.windows(2) {
        let [below, above] = [&pair[0], &pair[1]].map(|der| X509Certificate::from_der(der).unwrap().1);
        assert!(below.verify_signature(Some(above.public_key())).is_ok());
        assert_eq!(below.issuer().as_raw(), above.subject().as_raw());
    }
    let der = der(intermediate);
    let constraints = X509Certificate::from_der(&der).unwrap().1.basic_constraints().unwrap().unwrap().value.clone();
    assert_eq!(constraints.path_len_constraint, Some(0), "it signs leaves only");
}

#[test]
fn an_intermediate_ends_with_its_root_and_a_leaf_with_its_authority() {
    let temp = tempfile::tempdir().unwrap();
    let new = NewAuthority { days: Some(30), ..new_root("Short") };
    let mut root = ready(CaDirectory::create(&temp.path().join("root"), new, &by()).unwrap());
    let end = root.directory().facts().not_after;
    let path = temp.path().join("below");
    let new = NewAuthority { days: Some(365), above: Above::Local(&mut root), ..new_root("Below") };
    let mut below = ready(CaDirectory::create(&path, new, &by()).unwrap());
    assert_eq!(below.directory().facts().not_after, end);
    let leaf = below.issue_client(&ClientSubject::named("a-tool"), Terms::default(), &by()).unwrap().entry;
    assert_eq!(leaf.not_after, end);
    assert!(leaf.not_before <= OffsetDateTime::now_utc() - Duration::minutes(59), "clocks differ");
    assert!(below.directory().remarks(OffsetDateTime::now_utc()).iter().any(|remark| remark.contains("ends on")));
}

#[test]
fn nothing_is_overwritten_not_even_half_a_directory() {
    let temp = tempfile::tempdir().unwrap();
    let half = temp.path().join("half");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("ca.key"), "kept").unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "kept").unwrap();
    let dangling = temp.path().join("dangling");
    symlink(temp.path().join("nowhere"), &dangling).unwrap();
    for occupied in [&half, &file, &dangling] {
        let refused = CaDirectory::create(occupied, new_root("Test"), &by());
        assert!(matches!(refused, Err(CaError::Occupied { .. })), "{}: {refused:?}", occupied.display());
    }
    assert_eq!(fs::read_to_string(half.join("ca.key")).unwrap(), "kept");
    assert_eq!(fs::read_dir(&half).unwrap().count(), 1);
    assert!(matches!(CaDirectory::open(&half), Err(CaError::NotAnAuthority { .. })));

    let root = Root::new();
    let before = fs::read(root.path.join("ca.key")).unwrap();
    assert!(matches!(CaDirectory::create(&root.path, new_root("Other"), &by()), Err(CaError::Occupied { .. })));
    assert_eq!(fs::read(root.path.join("ca.key")).unwrap(), before);

    let empty = temp.path().join("empty");
    fs::create_dir(&empty).unwrap();
    ready(CaDirectory::create(&empty, new_root("Test"), &by()).unwrap());
    assert_eq!(fs::metadata(&empty).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("ca");
    let long = "x".repeat(65);
    for new in [new_root(&long), NewAuthority { days: Some(0), ..new_root("Test") }] {
        assert!(CaDirectory::create(&path, new, &by()).is_err());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_directory_above_that_is_not_there_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "kept").unwrap();
    for above in [temp.path().join("above"), file] {
        let said = CaDirectory::create(&above.join("ca"), new_root("Test"), &by()).unwrap_err().to_string();
        let fix = "the new directory is to be in this one, which is not there: make it first";
        assert_eq!(said, format!("{}: {fix}", above.display()));
    }
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn an_intermediate_has_none_below_it() {
    let mut root = Root::new();
    let (clients, below) = (root.temp.path().join("clients"), root.temp.path().join("below"));
    let new = NewAuthority { above: Above::Local(&mut root.signer), ..new_root("Clients") };
    let mut signer = ready(CaDirectory::create(&clients, new, &by()).unwrap());
    let new = NewAuthority { above: Above::Local(&mut signer), ..new_root("Below") };
    let refused = CaDirectory::create(&below, new, &by());
    assert!(matches!(refused, Err(CaError::Certificate { .. })), "{refused:?}");
    assert!(!below.exists() && signer.directory().entries().is_empty());
}

#[test]
fn the_directory_in_which_one_stands_is_not_taken_away() {
    for here in [".", "..", "/"] {
        assert!(CaDirectory::create(Path::new(here), new_root("Test"), &by()).is_err(), "{here}");
    }
}

#[test]
fn rsa_is_there_for_those_who_need_it() {
    let temp = tempfile::tempdir().unwrap();
    let new = NewAuthority { key: KeyKind::Rsa, ..new_root("Test") };
    let mut signer = ready(CaDirectory::create(&temp.path().join("ca"), new, &by()).unwrap());
    assert_eq!(signer.directory().facts().key, "RSA 3072");
    let terms = Terms { key: KeyKind::Rsa, ..Terms::default() };
    let issued = signer.issue_client(&ClientSubject::named("a-tool"), terms, &by()).unwrap();
    assert_eq!(issued.entry.key, "RSA 3072");
    assert!(issued.issued.key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
}
