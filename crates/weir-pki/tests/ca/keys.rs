//! Private keys in files: of an authority, and of a consumer who makes a request.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use weir_pki::inspect::{self, Item, KeyFacts};
use weir_pki::{CaDirectory, CaError, ClientSubject, Created, KeyError, KeyKind, NewAuthority, PkiError, Terms, csr};

use crate::support::{Root, by, new_root};

#[test]
fn an_encrypted_key_opens_with_its_passphrase_and_with_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("ca");
    let new = NewAuthority { passphrase: Some("correct horse"), ..new_root("Test") };
    assert!(matches!(CaDirectory::create(&path, new, &by()).unwrap(), Created::Ready(_)));
    let text = fs::read_to_string(path.join("ca.key")).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{text}");
    assert!(CaDirectory::needs_passphrase(&path).unwrap());
    let [Item::Key(told)] = &inspect::read(&text).unwrap()[..] else { panic!("it is a key") };
    assert_eq!(*told, KeyFacts { key: None, is_encrypted: true, public_key_sha256: None });

    let open = |passphrase| CaDirectory::open(&path).unwrap().unlock(passphrase);
    let problem = |passphrase| match open(passphrase) {
        Err(CaError::Key { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(None), KeyError::Encrypted);
    assert_eq!(problem(Some("wrong")), KeyError::WrongPassphrase);
    let mut signer = open(Some("correct horse")).unwrap();
    signer.issue_client(&ClientSubject::named("a-tool"), Terms::default(), &by()).unwrap();
    let entries = CaDirectory::open(&path).unwrap().entries().len();
    assert_eq!(entries, 1, "and to look, no key is needed");

    let empty = NewAuthority { passphrase: Some(""), ..new_root("Test") };
    let refused = CaDirectory::create(&temp.path().join("other"), empty, &by());
    assert!(matches!(refused, Err(CaError::Pki(PkiError::EmptyPassword))));
}

#[test]
fn a_key_that_others_may_read_or_that_is_not_the_right_one_is_not_used() {
    let root = Root::new();
    let key = root.path.join("ca.key");
    let unlock = |passphrase| CaDirectory::open(&root.path).unwrap().unlock(passphrase);
    assert!(!CaDirectory::needs_passphrase(&root.path).unwrap());
    assert!(matches!(unlock(Some("x")), Err(CaError::Key { problem: KeyError::NotEncrypted, .. })));

    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(unlock(None), Err(CaError::KeyIsOpen { mode: 0o640, .. })));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let other = Root::new();
    fs::copy(other.path.join("ca.key"), &key).unwrap();
    assert!(matches!(unlock(None), Err(CaError::ForeignKey { .. })));
    fs::write(&key, "no key").unwrap();
    assert!(matches!(unlock(None), Err(CaError::Key { problem: KeyError::None, .. })));
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    assert!(matches!(unlock(None), Err(CaError::Key { problem: KeyError::Unreadable, .. })));
    fs::remove_file(&key).unwrap();
    assert!(matches!(unlock(None), Err(CaError::NotAnAuthority { missing: "ca.key", .. })));
    assert!(CaDirectory::open(&root.path).is_ok(), "to look, no key is needed");
}

#[test]
fn no_debug_form_and_no_line_of_the_index_has_a_key() {
    let mut root = Root::new();
    let issued = root.signer.issue_client(&ClientSubject::named("a-tool"), Terms::default(), &by()).unwrap();
    let ca_key = fs::read_to_string(root.path.join("ca.key")).unwrap();
    let secrets = [ca_key.lines().nth(1).unwrap(), issued.issued.key_pem.lines().nth(1).unwrap()];
    let index = fs::read_to_string(root.path.join("index.jsonl")).unwrap();
    let shown = [format!("{:?}", root.signer), format!("{:?}", root.signer.directory()), format!("{issued:?}"), index];
    for shown in shown {
        assert!(!secrets.iter().any(|secret| shown.contains(secret)) && !shown.contains("PRIVATE"), "{shown}");
    }
}

#[test]
fn a_consumer_makes_key_and_request_and_replaces_neither() {
    let mut root = Root::new();
    for kind in [KeyKind::EcdsaP256, KeyKind::Rsa] {
        let temp = tempfile::tempdir().unwrap();
        let (key, request) = (temp.path().join("client.key"), temp.path().join("client.csr"));
        csr::create(&key, &request, "a-tool", kind).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&request).unwrap();
        let [Item::Request(told)] = &inspect::read(&text).unwrap()[..] else { panic!("it is a request") };
        let pem = fs::read_to_string(&key).unwrap();
        let [Item::Key(made)] = &inspect::read(&pem).unwrap()[..] else { panic!("it is a key") };
        assert!(told.is_signed);
        assert_eq!(Some(&told.public_key_sha256), made.public_key_sha256.as_ref());
        assert_eq!(told.asks, ["the common name `a-tool`"]);

        let signed = root.sign(&text, &ClientSubject::named("a-tool"));
        assert_eq!(signed.dropped, Vec::<String>::new(), "it asked for what it got");
        assert!(signed.entry.from_request);
        for taken in [&key, &request] {
            let free = temp.path().join("free");
            let pair = if *taken == key { (taken.clone(), free.clone()) } else { (free.clone(), taken.clone()) };
            let refused = csr::create(&pair.0, &pair.1, "a-tool", KeyKind::EcdsaP256);
            assert!(matches!(refused, Err(PkiError::Exists { .. })), "{refused:?}");
            assert!(!free.exists(), "nothing new is left behind");
        }
        assert_eq!(fs::read_to_string(&key).unwrap(), pem);
    }
}
