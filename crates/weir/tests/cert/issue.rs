//! `weir cert issue`, `sign` and `csr`.

use crate::Stage;

#[test]
fn a_certificate_is_its_principals_whatever_the_policy_knows_it_by() {
    let stage = Stage::new();
    for (name, certificate) in [
        ("by-cn", "cn: some name"),
        ("by-uri", "san_uri: 'spiffe://example.org/by-uri'"),
        ("by-dns", "san_dns: By-Dns.example.org"),
        ("by-mail", "san_email: by-mail@example.org"),
        ("by-dn", "dn: 'CN=whole\\, name,O=Org'"),
        ("by-issuer", "cn: pinned, issuer: CN=Example"),
    ] {
        stage.principal(name, certificate);
        let issued = stage.json(&format!("issue {name} --ca ca --ticket T1 --out out"));
        assert_eq!(issued["principal"], name);
        assert_eq!(stage.whose(&format!("out/{name}.pem")), name, "{certificate}");
        assert_eq!(stage.mode(&format!("out/{name}.key")), 0o600);
        assert!(stage.read(&format!("out/{name}.key")).starts_with("-----BEGIN PRIVATE KEY-----"), "PKCS#8");
    }
    assert_eq!(stage.mode("out"), 0o700);
    let said = stage.ok("issue tool --ca ca --ticket T1 --out out --days 7 --rsa");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("tool: serial ") && lines[0].ends_with(" UTC"), "{said}");
    assert_eq!(
        lines[1..],
        [
            "it is the principal `tool`, by `cn tool`",
            "out/tool.pem: the certificate and its chain",
            "out/tool.key: its key; nobody else has it",
        ]
    );
    assert_eq!(stage.json("inspect out/tool.pem")["items"][0]["key"], "RSA 3072");
}

/// Several lines of one principal: the first by which a certificate of this CA can be known is taken.
#[test]
fn a_rule_that_no_certificate_of_this_ca_meets_is_passed_over() {
    let stage = Stage::new();
    let other = format!("fingerprint: '{}'}}, {{cn: other, issuer: CN=Another}}, {{cn: third", "ab".repeat(32));
    stage.principal("many", &other);
    assert_eq!(stage.json("issue many --ca ca --ticket T1 --out out")["by"], "cn third");
    assert_eq!(stage.whose("out/many.pem"), "many");
}

#[test]
fn what_would_be_nobodys_or_somebody_elses_is_not_issued() {
    let stage = Stage::new();
    let print = format!("fingerprint: '{}'", "ab".repeat(32));
    stage.principal("print", &print);
    stage.principal("pinned", "cn: pinned, issuer: CN=Another");
    stage.principal("units", "dn: 'CN=x,OU=y'");
    stage.principal("long", &format!("cn: {}", "x".repeat(65)));
    let fix = |name: &str| format!("\nnothing was issued; add a line that one can meet, such as `- cn: {name}`\n");
    for (name, why) in [
        (
            "print",
            "  fingerprint abababababababababababababababababababababababababababababababab: a fingerprint is known only",
        ),
        ("pinned", "  cn pinned: its `issuer` is `CN=Another`, and this CA is `CN=Example`"),
        (
            "units",
            "  dn CN=x,OU=y: `weir cert` writes subjects of the form `CN=name` and `CN=name,O=organisation` alone",
        ),
        ("long", "a name may have at most 64 characters"),
    ] {
        let wrong = stage.wrong(&format!("issue {name} --ca ca --ticket T1 --out out"));
        let start = format!("no certificate of this CA would be `{name}`, by any line of its `certificate:` list:\n");
        assert!(wrong.starts_with(&start) && wrong.contains(why) && wrong.ends_with(&fix(name)), "{wrong}");
    }
    // The common name that people see is another's, and the configuration looks at it first.
    stage.principal("shadow", "cn: mail");
    stage.principal("mail", "san_email: mail@example.org");
    stage.write("weir.yaml", &format!("{}identity: [cn, san-email, dn, fingerprint]\n", crate::support::CONFIG));
    let wrong = stage.wrong("issue mail --ca ca --ticket T1 --out out");
    assert!(wrong.contains("such a certificate would be `shadow`'s, by a rule that is tried before"), "{wrong}");
    let wrong = stage.wrong("issue Tool --ca ca --ticket T1 --out out");
    assert_eq!(wrong, "there is no principal `Tool`; did you mean tool?\n");
    assert_eq!(stage.files("out"), Vec::<String>::new(), "nothing is left behind");
    assert_eq!(stage.json("list --ca ca --all")["certificates"].as_array().unwrap().len(), 0);
}

#[test]
fn nothing_is_replaced_and_a_wrong_order_says_what_to_write() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out out");
    let key = stage.read("out/tool.key");
    let wrong = stage.wrong("issue tool --ca ca --ticket T1 --out out");
    assert_eq!(wrong, "out/tool.pem is there, and is not replaced: name another directory, or move it away\n");
    std::fs::remove_file(stage.at("out/tool.pem")).unwrap();
    let wrong = stage.wrong("issue tool --ca ca --ticket T1 --out out");
    assert!(wrong.starts_with("out/tool.key is there"), "{wrong}");
    assert_eq!((stage.files("out"), stage.read("out/tool.key")), (vec!["tool.key".to_owned()], key));
    assert_eq!(stage.json("list --ca ca --all")["certificates"].as_array().unwrap().len(), 1);
    for (words, part) in [
        ("issue tool --ca ca --out x", "--ticket <ID>"),
        ("issue --ca ca --ticket T --out x", "<PRINCIPAL>"),
        ("issue tool --ca ca --ticket T", "--out <DIR>"),
        ("issue tool --cn other --ca ca --ticket T --out x", "leave out either it or `--cn`"),
        ("issue --cn x --policy acl --ca ca --ticket T --out x", "cannot be used with"),
        ("issue tool --ca ca --ticket T --out x --days 0", "0 is not in 1..=3650"),
        ("issue tool --ca gone --ticket T --out x", "gone is no CA directory"),
        ("issue tool --ca ca --ticket T --out x -c gone.yaml", "gone.yaml cannot be read"),
        ("issue tool --ca ca --ticket T --out weir.yaml", "weir.yaml cannot be made"),
        ("issue --cn a/b --ca ca --ticket T --out x", "no file can be called `a/b`"),
    ] {
        let wrong = stage.wrong(words);
        assert!(wrong.contains(part), "{words}: {wrong}");
    }
    assert_eq!(stage.files("x"), Vec::<String>::new());
}

#[test]
fn without_a_policy_the_names_are_typed() {
    let stage = Stage::new();
    std::fs::remove_file(stage.at("weir.yaml")).unwrap();
    let said = stage.ok(
        "issue --cn a/b --organisation Org --san-uri u:x --san-dns a.example --file ab --ca ca --ticket T --out out",
    );
    assert!(said.contains("no policy was looked at"), "{said}");
    let facts = &stage.json("inspect out/ab.pem")["items"][0];
    assert_eq!(facts["subject"], "CN=a/b,O=Org");
    assert_eq!(facts["alternative_names"], serde_json::json!(["URI:u:x", "DNS:a.example"]));
    assert_eq!(stage.json("issue tool --policy acl --ca ca --ticket T --out out")["principal"], "tool");
}

#[test]
fn who_is_suspended_is_said_to_be() {
    let stage = Stage::new();
    let suspend = ["suspend", "principal", "tool", "--reason", "r", "--ticket", "T"];
    assert_eq!(crate::support::weir(&suspend, stage.path()).0, 0);
    let (status, _, notes) = stage.cert("issue tool --ca ca --ticket T1 --out out");
    assert_eq!(
        (status, notes.as_str()),
        (0, "note: the principal is suspended now; the certificate counts when it is resumed\n")
    );
    let whose = &stage.json("inspect out/tool.pem -c weir.yaml")["items"][0];
    assert_eq!((whose["principal"].as_str(), whose["refused"].is_string()), (Some("tool"), true));
}

#[test]
fn a_key_that_is_made_at_its_holder_never_leaves() {
    let stage = Stage::new();
    let said = stage.ok("csr tool --out consumer");
    assert!(said.starts_with("consumer/tool.key: the key; it stays here"), "{said}");
    assert_eq!((stage.mode("consumer/tool.key"), stage.mode("consumer")), (0o600, 0o700));
    assert!(stage.wrong("csr tool --out consumer").contains("consumer/tool.key"));
    assert!(stage.wrong("csr a/b --out consumer").contains("no file can be called `a/b`"));
    let asked = &stage.json("inspect consumer/tool.csr")["items"][0];
    assert_eq!((asked["kind"].as_str(), asked["is_signed"].as_bool()), (Some("request"), Some(true)));

    let signed = stage.json("sign consumer/tool.csr --principal tool --ca ca --ticket T1 --out operator");
    assert_eq!(stage.files("operator"), ["tool.pem"], "there is no key to write");
    assert_eq!((signed["principal"].as_str(), signed["files"]["key"].is_null()), (Some("tool"), true));
    assert_eq!(signed["certificate"]["from_request"], true);
    let of = |file: &str| stage.json(&format!("inspect {file}"))["items"][0]["public_key_sha256"].clone();
    assert_eq!(of("operator/tool.pem"), of("consumer/tool.key"));
    assert_eq!(stage.whose("operator/tool.pem"), "tool");
}

#[test]
fn hostile_a_request_gets_nothing_but_its_key_certified() {
    let stage = Stage::new();
    stage.principal("other", "cn: other");
    let settings = "[req]\ndistinguished_name=dn\nreq_extensions=ext\nprompt=no\n[dn]\nCN=other\nO=Evil\n[ext]\n\
                    basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nextendedKeyUsage=serverAuth\n\
                    subjectAltName=DNS:other.example\n";
    stage.write("req.cnf", settings);
    crate::external::openssl(&stage, "req -new -newkey rsa:2048 -nodes -keyout evil.key -out evil.csr -config req.cnf");
    let asks = stage.json("inspect evil.csr")["items"][0]["asks"].to_string();
    assert!(asks.contains("CA") && asks.contains("other.example"), "{asks}");
    let (status, said, notes) = stage.cert("sign evil.csr --principal tool --ca ca --ticket T1 --out out");
    assert!(status == 0 && notes.matches("note: ").count() >= 3, "{said}{notes}");
    let facts = &stage.json("inspect out/tool.pem -c weir.yaml")["items"][0];
    assert_eq!((facts["subject"].as_str(), facts["principal"].as_str()), (Some("CN=tool"), Some("tool")));
    assert_eq!((facts["is_ca"].as_bool(), &facts["alternative_names"]), (Some(false), &serde_json::json!([])));
    assert_eq!(facts["usages"], serde_json::json!(["digitalSignature", "clientAuth"]));

    let text = stage.read("evil.csr");
    let (start, end) = text.split_at(text.len() / 2);
    let changed = if end.starts_with('A') { "B" } else { "A" };
    stage.write("bad.csr", &format!("{start}{changed}{}", &end[1..]));
    stage.write("no.csr", "nothing");
    for bad in ["bad.csr", "no.csr", "gone.csr", "evil.key"] {
        stage.wrong(&format!("sign {bad} --principal tool --ca ca --ticket T1 --out bad"));
    }
    assert_eq!(stage.files("bad"), Vec::<String>::new());
    assert_eq!(stage.json("list --ca ca --all")["certificates"].as_array().unwrap().len(), 1);
}
