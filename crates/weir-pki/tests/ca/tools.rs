//! What openssl, keytool and rustls make of our files. openssl and a JDK are what the clients' tests need, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use weir_pki::pkcs12::{self, Profile};
use weir_pki::{
    Above, CaDirectory, CaError, ClientSubject, Created, KeyKind, NewAuthority, RequestError, RevocationCause, Terms,
    Which, csr,
};

use crate::support::{Root, by, new_root, ready};

/// Runs a program to its end and gives its output, or ends the test as skipped where it is not there.
macro_rules! run {
    ($program:expr, $($argument:expr),+ $(,)?) => {{
        let arguments: Vec<String> = vec![$($argument.to_string()),+];
        match run($program, &arguments) {
            Some(output) => output,
            None => weir_testkit::skip!("{} is not there", $program),
        }
    }};
}

fn run(program: &str, arguments: &[String]) -> Option<Output> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    match output {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{program}: {error}"),
    }
}

fn good(output: Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A root, an intermediate below it, and a client certificate of that, in files.
struct Files {
    root: Root,
    clients: PathBuf,
    client: PathBuf,
    key: PathBuf,
    key_pem: String,
    chain_pem: String,
}

impl Files {
    fn new(kind: KeyKind) -> Files {
        let mut root = Root::new();
        let clients = root.temp.path().join("clients");
        let new = NewAuthority { key: kind, above: Above::Local(&mut root.signer), ..new_root("Test clients") };
        let mut signer = ready(CaDirectory::create(&clients, new, &by()).unwrap());
        let terms = Terms { key: kind, ..Terms::default() };
        let issued = signer.issue_client(&ClientSubject::named("a-tool"), terms, &by()).unwrap().issued;
        let paths = issued.write_new(root.temp.path(), "client").unwrap();
        assert!(issued.write_new(root.temp.path(), "client").is_err(), "nothing is replaced");
        let (key_pem, chain_pem) = (issued.key_pem, issued.chain_pem);
        Files { root, clients, client: paths.certificate, key: paths.key, key_pem, chain_pem }
    }
}

#[test]
fn openssl_verifies_the_chain_and_reads_list_key_and_request() {
    for kind in [KeyKind::EcdsaP256, KeyKind::Rsa] {
        let files = Files::new(kind);
        let (trusted, chain) = (shown(&files.root.path.join("ca.pem")), shown(&files.clients.join("chain.pem")));
        let verify = ["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", &trusted, "-untrusted", &chain];
        let verify: Vec<String> = verify.iter().map(ToString::to_string).chain([shown(&files.client)]).collect();
        let Some(verified) = run("openssl", &verify) else { weir_testkit::skip!("openssl is not there") };
        assert!(good(verified).contains("OK"));
        let text = good(run!("openssl", "x509", "-noout", "-text", "-in", shown(&files.client)));
        for said in ["CN = a-tool", "CA:FALSE", "TLS Web Client Authentication", "Authority Key Identifier"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let list = shown(&files.clients.join("crl.pem"));
        let text = good(run!("openssl", "crl", "-noout", "-text", "-in", list, "-CAfile", chain));
        assert!(text.contains("verify OK") && text.contains("X509v3 CRL Number"), "{text}");
        good(run!("openssl", "pkey", "-noout", "-check", "-in", shown(&files.key)));

        let (key, request) = (files.root.temp.path().join("c.key"), files.root.temp.path().join("c.csr"));
        csr::create(&key, &request, "a-tool", kind).unwrap();
        let text = good(run!("openssl", "req", "-noout", "-verify", "-text", "-in", shown(&request)));
        assert!(text.contains("verify OK") && text.contains("CN = a-tool"), "{text}");
    }
}

#[test]
fn openssl_and_rustls_refuse_what_the_list_has() {
    let files = Files::new(KeyKind::EcdsaP256);
    let mut signer = CaDirectory::open(&files.clients).unwrap().unlock(None).unwrap();
    let lists = files.root.temp.path().join("lists.pem");
    let write_lists = || {
        let text = [&files.clients, &files.root.path].map(|path| fs::read_to_string(path.join("crl.pem")).unwrap());
        fs::write(&lists, text.concat()).unwrap();
    };
    for is_revoked in [false, true] {
        if is_revoked {
            signer.revoke(Which::Name("a-tool"), false, RevocationCause::KeyCompromise, &by()).unwrap();
        }
        write_lists();
        let verdict = rustls_verdict(&files, &lists);
        assert_eq!(verdict.is_err(), is_revoked, "{verdict:?}");
        assert!(!is_revoked || verdict.unwrap_err().contains("Revoked"));
        let trusted = shown(&files.root.path.join("ca.pem"));
        let chain = shown(&files.clients.join("chain.pem"));
        let output = run!(
            "openssl",
            "verify",
            "-crl_check_all",
            "-CRLfile",
            shown(&lists),
            "-CAfile",
            trusted,
            "-untrusted",
            chain,
            shown(&files.client)
        );
        assert_eq!(output.status.success(), !is_revoked, "{output:?}");
    }
}

/// As Weir does it: the whole chain against the lists.
fn rustls_verdict(files: &Files, lists: &Path) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let trusted = files.root.signer.directory().certificate_pem();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let lists = CertificateRevocationListDer::pem_file_iter(lists).unwrap().map(Result::unwrap);
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).with_crls(lists);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(files.chain_pem.as_bytes()).map(Result::unwrap).collect();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(time::OffsetDateTime::now_utc().unix_timestamp() as u64));
    let verified = verifier.build().unwrap().verify_client_cert(&chain[0], &chain[1..], now);
    verified.map(|_| ()).map_err(|error| format!("{error:?}"))
}

#[test]
fn openssl_opens_an_encrypted_key_with_its_passphrase_and_we_open_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("ca");
    let new = NewAuthority { passphrase: Some("correct horse"), ..new_root("Test") };
    assert!(matches!(CaDirectory::create(&path, new, &by()).unwrap(), Created::Ready(_)));
    let key = shown(&path.join("ca.key"));
    good(run!("openssl", "pkey", "-noout", "-check", "-in", key, "-passin", "pass:correct horse"));
    assert!(!run!("openssl", "pkey", "-noout", "-in", key, "-passin", "pass:wrong").status.success());
    // As an operator changes a passphrase.
    let changed = shown(&temp.path().join("changed"));
    for scheme in [vec![], vec!["-scrypt"], vec!["-v2", "aes-128-cbc"]] {
        let mut arguments = vec!["pkcs8", "-topk8", "-in", &key, "-out", &changed];
        arguments.extend(["-passin", "pass:correct horse", "-passout", "pass:other"]);
        arguments.extend(&scheme);
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        good(run("openssl", &arguments).unwrap());
        fs::write(path.join("ca.key"), fs::read(&changed).unwrap()).unwrap();
        CaDirectory::open(&path).unwrap().unlock(Some("other")).unwrap();
        fs::remove_file(path.join("ca.key")).unwrap();
        let back = ["pkcs8", "-topk8", "-in", &changed, "-out", &key, "-passin", "pass:other", "-passout"];
        let back: Vec<String> = back.iter().map(ToString::to_string).chain(["pass:correct horse".to_owned()]).collect();
        good(run("openssl", &back).unwrap());
    }
}

#[test]
fn requests_of_openssl_are_signed_unless_their_key_is_weak() {
    let mut root = Root::new();
    let temp = tempfile::tempdir().unwrap();
    for (algorithm, option, is_served) in [
        ("RSA", "rsa_keygen_bits:1024", false),
        ("RSA", "rsa_keygen_bits:2047", false),
        ("RSA", "rsa_keygen_bits:2048", true),
        ("EC", "ec_paramgen_curve:P-256", true),
        ("EC", "ec_paramgen_curve:P-384", true),
        ("EC", "ec_paramgen_curve:P-521", false),
        ("EC", "ec_paramgen_curve:secp256k1", false),
        ("EC", "ec_paramgen_curve:prime192v1", false),
    ] {
        let (key, csr) = (shown(&temp.path().join("key")), shown(&temp.path().join("csr")));
        good(run!("openssl", "genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", key));
        good(run!("openssl", "req", "-new", "-key", key, "-subj", "/CN=a-tool", "-out", csr));
        let text = fs::read_to_string(&csr).unwrap();
        let subject = ClientSubject::named("a-tool");
        match root.signer.sign_client(&text, &subject, Terms::default(), &by()) {
            Ok(signed) => assert!(is_served && signed.dropped.is_empty(), "{option}: {:?}", signed.dropped),
            Err(CaError::Request(RequestError::Key { .. })) => assert!(!is_served, "{option}"),
            Err(other) => panic!("{option}: {other}"),
        }
    }
}

const PASSWORD: &str = "a-password";

/// Both stores of a client, in files.
fn stores(files: &Files, profile: Profile) -> (String, String) {
    let (keys, trust) = (files.root.temp.path().join("client.p12"), files.root.temp.path().join("ca.p12"));
    let ca = files.root.signer.directory().trust_pem();
    let key_store = pkcs12::key_store("client", &files.key_pem, &files.chain_pem, PASSWORD, profile).unwrap();
    fs::write(&keys, key_store).unwrap();
    fs::write(&trust, pkcs12::trust_store("ca", ca, PASSWORD, profile).unwrap()).unwrap();
    (shown(&keys), shown(&trust))
}

#[test]
fn openssl_reads_both_stores() {
    let files = Files::new(KeyKind::EcdsaP256);
    for profile in [Profile::Modern, Profile::Java8] {
        let (keys, trust) = stores(&files, profile);
        let pass = format!("pass:{PASSWORD}");
        let text = good(run!("openssl", "pkcs12", "-in", keys, "-passin", pass, "-nodes", "-info"));
        assert!(text.contains("BEGIN PRIVATE KEY") && text.matches("BEGIN CERTIFICATE").count() == 2, "{text}");
        let is_modern = text.contains("AES-256-CBC") && text.contains("hmacWithSHA256");
        let is_old = text.contains("pbeWithSHA1And3-KeyTripleDES-CBC") && text.contains("MAC: sha1");
        assert_eq!((is_modern, is_old), (profile == Profile::Modern, profile == Profile::Java8), "{text}");
        let text = good(run!("openssl", "pkcs12", "-in", trust, "-passin", pass, "-nokeys"));
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 1, "{text}");
        assert!(text.contains("2.16.840.1.113894.746875.1.1") || text.contains("Trusted key usage"), "{text}");
        assert!(!run!("openssl", "pkcs12", "-in", keys, "-passin", "pass:wrong", "-nodes").status.success());
    }
}

#[test]
fn keytool_of_every_jdk_reads_both_stores() {
    let keytools = keytools();
    if keytools.is_empty() {
        weir_testkit::skip!("there is no keytool");
    }
    let files = Files::new(KeyKind::EcdsaP256);
    for profile in [Profile::Modern, Profile::Java8] {
        let (keys, trust) = stores(&files, profile);
        for keytool in &keytools {
            let list = |store: &str| {
                let arguments = ["-list", "-v", "-keystore", store, "-storetype", "PKCS12", "-storepass", PASSWORD];
                good(Command::new(keytool).args(arguments).env("LC_ALL", "C").output().unwrap())
            };
            let text = list(&keys);
            assert!(text.contains("Alias name: client\n"), "{text}");
            assert!(text.contains("Entry type: PrivateKeyEntry"), "{text}");
            assert!(text.contains("Certificate chain length: 2"), "{}: {text}", keytool.display());
            let text = list(&trust);
            assert!(text.contains("Alias name: ca\n"), "{text}");
            assert!(text.contains("Entry type: trustedCertEntry"), "{}: {text}", keytool.display());
        }
    }
}

#[test]
fn a_store_without_a_password_or_a_key_is_not_made() {
    let files = Files::new(KeyKind::EcdsaP256);
    let make = |key: &str, chain: &str, password: &str| pkcs12::key_store("a", key, chain, password, Profile::Modern);
    assert!(make(&files.key_pem, &files.chain_pem, "").is_err());
    assert!(make("", &files.chain_pem, PASSWORD).is_err());
    assert!(make(&files.key_pem, "", PASSWORD).is_err());
    let mut root = Root::new();
    let rare = ClientSubject::named("a tool \u{1f680}");
    let rare = root.signer.issue_client(&rare, Terms::default(), &by()).unwrap().issued;
    assert!(make(&rare.key_pem, &rare.chain_pem, PASSWORD).is_ok(), "a rare name is no obstacle");
    assert!(pkcs12::trust_store("a", &files.key_pem, PASSWORD, Profile::Modern).is_err());
}

/// The keytool in the path, and those of all JDKs that Debian or Temurin packages put here.
fn keytools() -> Vec<PathBuf> {
    let jvm = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|jdk| jdk.path().join("bin/keytool"));
    let mut found: Vec<PathBuf> = jvm.filter_map(|keytool| keytool.canonicalize().ok()).collect();
    let in_path = Command::new("keytool").arg("-help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_empty() && in_path.is_ok() {
        found.push(PathBuf::from("keytool"));
    }
    found.sort();
    found.dedup();
    found
}
