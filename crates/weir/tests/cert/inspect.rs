//! `weir cert inspect`.

use crate::Stage;

#[test]
fn every_kind_of_file_is_told_and_no_key_is_shown() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out out");
    stage.ok("csr tool --out consumer");
    stage.ok("revoke tool --ca ca --reason key-compromise --ticket T2");
    let said = stage.ok("inspect out/tool.pem -c weir.yaml");
    for line in ["certificate\n", "  subject      CN=tool\n", "  issuer       CN=Example\n", "  principal    tool\n"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(stage.ok("inspect ca/ca.pem").starts_with("certificate of a CA\n"));
    assert!(stage.ok("inspect consumer/tool.csr").contains("request\n  subject      CN=tool\n"));
    let list = stage.ok("inspect ca/crl.pem");
    assert!(
        list.starts_with("revocation list\n  issuer       CN=Example\n") && list.contains(", keyCompromise\n"),
        "{list}"
    );
    let key = stage.read("out/tool.key");
    let said = stage.ok("inspect out/tool.key") + &stage.ok("inspect out/tool.key --json");
    assert!(said.starts_with("private key\n  key          ECDSA P-256\n"), "{said}");
    assert!(key.lines().all(|line| !said.contains(line)), "{said}");
    stage.write("all.pem", &(stage.read("out/tool.pem") + &key + &stage.read("ca/crl.pem")));
    let kinds = stage.json("inspect all.pem");
    let kinds: Vec<_> = kinds["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["certificate", "key", "revocation-list"]);
}

#[test]
fn a_certificate_that_is_nobodys_is_said_to_be() {
    let stage = Stage::new();
    stage.ok("issue --cn stranger --ca ca --ticket T1 --out out");
    let said = stage.ok("inspect out/stranger.pem -c weir.yaml");
    assert!(said.contains("  principal    nobody: "), "{said}");
    let facts = &stage.json("inspect out/stranger.pem --policy acl")["items"][0];
    assert!(facts["principal"].is_null() && facts["refused"].is_string(), "{facts}");
    assert!(stage.json("inspect out/stranger.pem")["items"][0]["refused"].is_null(), "nobody was asked");
}

#[test]
fn what_is_no_pem_says_what_would_be() {
    let stage = Stage::new();
    stage.write("text", "nothing");
    assert!(stage.wrong("inspect text").starts_with("text: there is no PEM block in it"));
    assert!(stage.wrong("inspect gone").starts_with("gone cannot be read"));
    stage.write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(stage.wrong("inspect bad.pem").starts_with("bad.pem: block 1"));
}
