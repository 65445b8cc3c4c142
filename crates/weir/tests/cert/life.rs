//! `weir cert renew`, `revoke`, `list` and `expiring`.

use crate::Stage;

fn serials(stage: &Stage, words: &str) -> Vec<String> {
    let list = stage.json(words);
    list["certificates"].as_array().unwrap().iter().map(|entry| entry["serial"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_renewal_has_the_same_names_and_both_count() {
    let stage = Stage::new();
    stage.principal("uri", "san_uri: 'spiffe://example.org/uri'");
    stage.ok("issue uri --ca ca --ticket T1 --out one --days 20");
    let renewed = stage.json("renew uri --ca ca --ticket T2 --out two -c weir.yaml");
    assert_eq!((renewed["principal"].as_str(), stage.whose("two/uri.pem").as_str()), (Some("uri"), Some("uri")));
    assert_eq!(renewed["certificate"]["renews"], renewed["continues"]["serial"]);
    assert_eq!(stage.mode("two/uri.key"), 0o600);
    assert_ne!(stage.read("one/uri.key"), stage.read("two/uri.key"), "a key of its own");
    assert_eq!(serials(&stage, "list --ca ca").len(), 2, "both are valid");

    stage.ok("csr uri --out consumer");
    let first = renewed["continues"]["serial"].as_str().unwrap();
    let said =
        stage.ok(&format!("renew {} --request consumer/uri.csr --ca ca --ticket T3 --out three", first.to_uppercase()));
    assert!(said.contains(&format!("the one before, serial {first}, works until ")), "{said}");
    assert_eq!(stage.files("three"), ["uri.pem"]);
    assert_eq!(stage.whose("three/uri.pem"), "uri");
}

#[test]
fn what_cannot_be_continued_is_not() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out one");
    let wrong = stage.wrong("renew toll --ca ca --ticket T2 --out two");
    let expected = "ca has no such certificate that is not revoked; `weir cert list --ca ca --all` shows all\n";
    assert_eq!(wrong, expected);
    assert!(stage.wrong("renew tool --ca ca --ticket T2 --out one").starts_with("one/tool.pem is there"));
    // The policy does not know the name any more.
    stage.principal("tool", "cn: renamed");
    let wrong = stage.wrong("renew tool --ca ca --ticket T2 --out two -c weir.yaml");
    assert!(
        wrong.starts_with("the policy refuses this certificate: ") && wrong.contains("`weir cert issue PRINCIPAL`"),
        "{wrong}"
    );
    stage.ok("revoke tool --ca ca --reason superseded --ticket T3");
    assert_eq!(stage.wrong("renew tool --ca ca --ticket T4 --out two"), expected);
    assert_eq!(stage.files("two"), Vec::<String>::new());
}

#[test]
fn a_revocation_is_of_one_certificate_unless_all_are_meant() {
    let stage = Stage::new();
    for out in ["one", "two", "three"] {
        stage.ok(&format!("issue tool --ca ca --ticket T1 --out {out}"));
    }
    let all = serials(&stage, "list --ca ca");
    let wrong = stage.wrong("revoke tool --ca ca --reason key-compromise --ticket T2");
    assert!(all.iter().all(|serial| wrong.contains(serial.as_str())), "they are named: {wrong}");
    assert_eq!(serials(&stage, "list --ca ca").len(), 3, "nothing was revoked");
    let (status, said, note) = stage.cert(&format!("revoke {} --ca ca --reason key-compromise --ticket T2", all[1]));
    assert_eq!(status, 0);
    assert_eq!(said.lines().next().unwrap(), format!("tool: serial {} is revoked", all[1]));
    assert!(said.contains("ca/crl.pem: list 2, 1 certificate, the next is due"), "{said}");
    assert!(note.contains("where `client_crl` of Weir's listeners says"), "{note}");
    let revoked = stage.json("revoke tool --all --ca ca --reason superseded --ticket T3 --publish clients.crl");
    assert_eq!(revoked["revoked"].as_array().unwrap().len(), 2);
    assert_eq!((revoked["list"]["number"].as_u64(), revoked["list"]["revoked"].as_u64()), (Some(3), Some(3)));
    let list = &stage.json("inspect clients.crl")["items"][0];
    let listed: Vec<_> =
        list["revoked"].as_array().unwrap().iter().map(|one| one["serial"].as_str().unwrap()).collect();
    assert!(all.iter().all(|serial| listed.contains(&serial.as_str())), "{listed:?}");
    assert!(stage.wrong("revoke tool --ca ca --reason superseded --ticket T4").contains("is revoked"));
    assert!(
        stage
            .wrong("revoke nobody --ca ca --reason superseded --ticket T4")
            .starts_with("there is no certificate for nobody here; ")
    );
    assert!(stage.wrong("revoke tool --ca ca --reason because --ticket T4").contains("possible values: unspecified"));
    assert!(stage.wrong("revoke tool --ca ca --reason superseded").contains("--ticket <ID>"));
}

#[test]
fn the_list_says_what_counts_and_the_history_who_did_what() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out one --by alice");
    stage.ok("issue --cn other --ca ca --ticket T2 --out one --by bob");
    stage.ok("revoke other --ca ca --reason superseded --ticket T3 --by carol");
    let said = stage.ok("list --ca ca");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("NAME  FOR     STANDING  UNTIL       BY     TICKET  SERIAL"), "{said}");
    assert!(lines[1].starts_with("tool  client  valid     20") && lines[1].contains("  alice  T1      "), "{said}");
    assert_eq!(lines[2], "and 1 that are expired or revoked: `--all` shows them");
    assert!(stage.ok("list --ca ca --all").contains("revoked"));
    let other = &stage.json("list --ca ca --all")["certificates"][1];
    assert_eq!((other["revoked"]["by"].as_str(), other["revoked"]["ticket"].as_str()), (Some("carol"), Some("T3")));
    let history = stage.ok("list --ca ca --history");
    for part in [" alice, ticket T1: issued client certificate ", " carol, ticket T3: revoked certificate "] {
        assert!(history.contains(part), "{history}");
    }
    assert!(stage.json("list --ca ca --history")["history"].as_array().unwrap().len() >= 4);
    assert!(stage.wrong("list --ca acl").contains("acl is no CA directory"));
}

#[test]
fn what_ends_soon_is_told_by_the_exit_status_too() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out one --days 20");
    assert_eq!(stage.cert("expiring --within 10d --ca ca"), (0, String::new(), String::new()));
    let (status, said, _) = stage.cert("expiring --within 30d --ca ca");
    assert!(status == 1 && said.contains("tool  client  valid"), "{said}");
    assert_eq!(stage.cert("expiring --within 4w --ca ca").0, 1);
    assert_eq!(stage.cert("expiring --within 100h --ca ca").0, 0);
    let (status, said, _) = stage.cert("expiring --within 30d --ca ca --json");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, said["certificates"].as_array().unwrap().len()), (1, 1));
    stage.ok("renew tool --ca ca --ticket T2 --out two");
    assert_eq!(stage.cert("expiring --within 30d --ca ca").0, 0, "it has a successor");
    assert_eq!(stage.cert("expiring --within 200d --ca ca").0, 1, "which ends, too");
    stage.ok("revoke tool --all --ca ca --reason superseded --ticket T3");
    stage.ok("crl --ca ca --days 3");
    let (status, said, _) = stage.cert("expiring --within 5d --ca ca");
    assert!(status == 1 && said.starts_with("ca/crl.pem: 20"), "the list is due: {said}");
    for bad in ["30", "d", "-1d", "1y", "99999d"] {
        assert_eq!(stage.cert(&format!("expiring --ca ca --within={bad}")).0, 2, "{bad}");
    }
}

#[test]
fn hostile_a_name_that_is_anothers_serial_number_does_not_take_its_revocation() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out a");
    let serial = serials(&stage, "list --ca ca").remove(0);
    std::fs::remove_file(stage.at("weir.yaml")).unwrap();
    stage.ok(&format!("issue --cn {serial} --ca ca --ticket T2 --out b"));
    let revoked = stage.json(&format!("revoke {serial} --ca ca --reason key-compromise --ticket T3"));
    assert_eq!(revoked["revoked"][0]["name"], "tool");
}

#[test]
fn hostile_a_restored_ca_does_not_take_back_what_is_published() {
    let stage = Stage::new();
    stage.ok("issue tool --ca ca --ticket T1 --out a");
    let kept = ["ca/index.jsonl", "ca/crl.pem"].map(|name| (name, stage.read(name)));
    stage.ok("revoke tool --ca ca --reason key-compromise --ticket T2 --publish clients.crl");
    stage.ok("crl --ca ca --publish clients.crl");
    let published = stage.read("clients.crl");
    for (name, text) in kept {
        stage.write(name, &text);
    }
    let (status, _, wrong) = stage.cert("crl --ca ca --publish clients.crl");
    assert_ne!(status, 0);
    assert!(wrong.contains("clients.crl has a newer list"), "{wrong}");
    assert_eq!(stage.read("clients.crl"), published);
    // As the message says.
    stage.write("ca/crl.pem", &published);
    let list = stage.json("crl --ca ca --publish clients.crl");
    assert_eq!(list["revoked"], 1, "the revocation that the index does not know");
    assert_eq!(stage.read("clients.crl"), stage.read("ca/crl.pem"));
}
