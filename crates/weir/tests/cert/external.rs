//! CAs that are not ours: what openssl issues and revokes is taken, and openssl reads what we write.

use std::process::{Command, Stdio};

use crate::Stage;
use crate::support::{CONFIG, weir};

/// Runs openssl in the stage's directory, with words that hold no blank.
pub fn openssl(stage: &Stage, words: &str) -> String {
    let mut command = Command::new("timeout");
    command.args(["60", "openssl"]).args(words.split_whitespace()).current_dir(stage.path()).stdin(Stdio::null());
    let output = command.output().expect("openssl: tests/setup.sh");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "openssl {words}: {text}");
    text
}

/// An openssl CA in `own`, with a certificate for the common name `tool`.
fn external() -> Stage {
    let stage = Stage::without_ca();
    std::fs::create_dir(stage.at("own")).unwrap();
    stage.write("own/index.txt", "");
    stage.write("own/serial", "1001\n");
    stage.write("own/crlnumber", "01\n");
    stage.write(
        "own/ca.cnf",
        "[ca]\ndefault_ca=own\n[own]\ndatabase=own/index.txt\nnew_certs_dir=own\nserial=own/serial\ncrlnumber=own/crlnumber\n\
         certificate=own/ca.pem\nprivate_key=own/ca.key\ndefault_md=sha256\ndefault_days=90\ndefault_crl_days=30\n\
         policy=any\nunique_subject=no\n[any]\ncommonName=supplied\n[client]\nbasicConstraints=critical,CA:FALSE\n\
         keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n[sub]\n\
         basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n[req]\ndistinguished_name=dn\nx509_extensions=root\n[dn]\n[root]\n\
         basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n",
    );
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        &stage,
        &format!("req -x509 {key} -keyout own/ca.key -out own/ca.pem -subj /CN=Own -days 3650 -config own/ca.cnf"),
    );
    openssl(
        &stage,
        &format!("req -new {key} -keyout own/tool.key -out own/tool.csr -subj /CN=tool -config own/ca.cnf"),
    );
    openssl(&stage, "ca -batch -config own/ca.cnf -extensions client -in own/tool.csr -out own/tool.pem -notext");
    openssl(&stage, "ca -config own/ca.cnf -gencrl -out own/crl.pem");
    stage
}

#[test]
fn certificates_and_lists_of_openssl_are_taken() {
    let stage = external();
    assert_eq!(stage.whose("own/tool.pem"), "tool");
    let trusting = CONFIG.replace("client_ca: ca.pem", "client_ca: own/ca.pem, client_crl: [own/crl.pem]");
    stage.write("weir.yaml", &trusting);
    assert_eq!(weir(&["check"], stage.path()).0, 0, "{:?}", weir(&["check"], stage.path()));
    openssl(&stage, "ca -config own/ca.cnf -revoke own/tool.pem -crl_reason keyCompromise");
    openssl(&stage, "ca -config own/ca.cnf -gencrl -out own/crl.pem");
    let list = &stage.json("inspect own/crl.pem")["items"][0];
    assert_eq!((list["number"].as_str(), list["revoked"][0]["serial"].as_str()), (Some("02"), Some("1001")));
    assert_eq!(list["revoked"][0]["cause"], "keyCompromise");
    assert_eq!(weir(&["check"], stage.path()).0, 0);
}

#[test]
fn an_intermediate_below_an_external_root_issues_what_openssl_verifies() {
    let stage = external();
    let said = stage.ok("init --ca sub --name Sub --external-root");
    assert_eq!(
        said,
        "sub/ca.csr: have it signed as a CA (CA:TRUE, keyCertSign, cRLSign)\nthen: weir cert install CHAIN --ca sub\n"
    );
    assert!(stage.wrong("issue tool --ca sub --ticket T --out out").contains("awaits its certificate"));
    openssl(&stage, "ca -batch -config own/ca.cnf -extensions sub -in sub/ca.csr -out own/sub.pem -notext");
    assert!(stage.wrong("install own/tool.pem --ca sub").contains("cannot be this authority's"));
    stage.ok("install own/sub.pem --ca sub --ticket T9");
    assert!(stage.wrong("install own/sub.pem --ca sub").contains("sub/ca.pem is there already"));
    stage.ok("issue tool --ca sub --ticket T1 --out out");
    let verified = openssl(&stage, "verify -CAfile own/ca.pem -untrusted sub/ca.pem -purpose sslclient out/tool.pem");
    assert_eq!(verified, "out/tool.pem: OK\n");
    stage.ok("revoke tool --ca sub --reason superseded --ticket T2");
    stage.write("roots.pem", &(stage.read("own/ca.pem") + &stage.read("sub/ca.pem") + &stage.read("sub/crl.pem")));
    let mut verify = Command::new("openssl");
    verify.args(["verify", "-CAfile", "roots.pem", "-crl_check", "out/tool.pem"]).current_dir(stage.path());
    let output = verify.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!output.status.success() && said.contains("certificate revoked"), "{said}");
    // The chain needs the lists of both.
    let trusting = "client_ca: own/ca.pem, client_crl: [own/crl.pem, sub/crl.pem]";
    stage.write("weir.yaml", &CONFIG.replace("client_ca: ca.pem", trusting));
    let (status, said, wrong) = weir(&["check"], stage.path());
    assert_eq!(status, 0, "{said}{wrong}");
}

#[test]
fn openssl_reads_what_we_write() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out out");
    stage.ok("csr tool --out consumer --rsa");
    let text = openssl(&stage, "x509 -in out/tool.pem -noout -subject -issuer -purpose");
    assert!(text.contains("subject=CN = tool") || text.contains("subject=CN=tool"), "{text}");
    assert!(
        text.contains("SSL client : Yes") && text.contains("SSL server : No") && text.contains("SSL client CA : No"),
        "{text}"
    );
    openssl(&stage, "pkey -in out/tool.key -noout -check");
    assert!(openssl(&stage, "req -in consumer/tool.csr -noout -verify").to_lowercase().contains("verif"));
    assert!(openssl(&stage, "crl -in ca/crl.pem -noout -CAfile ca/ca.pem").contains("verify OK"));
    assert_eq!(openssl(&stage, "verify -CAfile ca/ca.pem -purpose sslclient out/tool.pem"), "out/tool.pem: OK\n");
}
