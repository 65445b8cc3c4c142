//! `weir cert init`, `install` and `crl`.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::Stage;

#[test]
fn days_that_make_no_sense_and_a_place_that_is_none_are_refused_at_once() {
    let stage = Stage::new();
    for (words, why) in [
        ("crl --ca ca --days 366", "366 is not in 1..=365"),
        ("init --ca other --name Other --days 10951", "10951 is not in 1..=10950"),
        (
            "init --ca a/b --name Other",
            "a: the new directory is to be in this one, which is not there: make it first\n",
        ),
    ] {
        let wrong = stage.wrong(words);
        assert!(wrong.contains(why), "{wrong}");
    }
    assert!(!stage.at("a").exists() && !stage.at("other").exists());
}

#[test]
fn a_ca_is_made_whole_and_never_over_another() {
    let stage = Stage::without_ca();
    let said = stage.ok("init --ca ca --name Example --organisation Org --ticket T1");
    assert!(said.starts_with("ca/ca.pem: the CA's certificate, valid until 20"), "{said}");
    assert!(said.contains("ca/ca.key: its key, in the clear, for its owner alone"), "{said}");
    assert!(said.contains("ca/crl.pem: list 1, 0 certificates, the next is due "), "{said}");
    assert_eq!((stage.mode("ca"), stage.mode("ca/ca.key"), stage.mode("ca/issued")), (0o700, 0o600, 0o700));
    let key = stage.read("ca/ca.key");
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "PKCS#8");
    let wrong = stage.wrong("init --ca ca --name Other");
    assert_eq!(wrong, "ca is there already and is not empty; nothing of it is replaced: choose another directory\n");
    assert_eq!(stage.read("ca/ca.key"), key);
    let facts = &stage.json("inspect ca/ca.pem")["items"][0];
    assert_eq!((facts["subject"].as_str(), facts["is_ca"].as_bool()), (Some("CN=Example,O=Org"), Some(true)));
    assert_eq!(facts["key"], "ECDSA P-256");

    let made = stage.json("init --ca rsa --name Rsa --rsa --days 10");
    assert_eq!(stage.json("inspect rsa/ca.pem")["items"][0]["key"], "RSA 3072");
    assert_eq!((made["encrypted"].as_bool(), made["list"]["number"].as_u64()), (Some(false), Some(1)));
}

#[test]
fn an_intermediate_stands_in_the_index_of_its_root_and_in_the_chain_of_its_leaves() {
    let stage = Stage::new();
    stage.ok("init --ca sub --name Sub --intermediate-of ca --ticket T7");
    let entry = &stage.json("list --ca ca")["certificates"][0];
    assert_eq!((entry["purpose"].as_str(), entry["name"].as_str()), (Some("authority"), Some("Sub")));
    assert_eq!(entry["issued"]["ticket"], "T7");
    stage.ok("issue tool --ca sub --ticket T1 --out out");
    let chain = stage.json("inspect out/tool.pem -c weir.yaml");
    let names: Vec<_> =
        chain["items"].as_array().unwrap().iter().map(|item| item["subject"].as_str().unwrap()).collect();
    assert_eq!(names, ["CN=tool", "CN=Sub"], "without the root, which the other side has");
    assert_eq!(chain["items"][0]["principal"], "tool");
    assert!(stage.wrong("init --ca x --name X --intermediate-of gone").contains("gone is no CA directory"));
    assert_eq!(stage.files("x"), Vec::<String>::new());
}

#[test]
fn a_passphrase_comes_from_a_file_or_a_prompt_and_from_nowhere_else() {
    let stage = Stage::without_ca();
    stage.write("word", "correct horse\n");
    std::fs::set_permissions(stage.at("word"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    stage.ok("init --ca ca --name Example --encrypt --passphrase-file word");
    assert!(stage.read("ca/ca.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    stage.ok("list --ca ca");
    stage.ok("issue tool --ca ca --passphrase-file word --ticket T1 --out out");

    // In a session of its own nobody is at a terminal.
    let issue = ["cert", "issue", "tool", "--ca", "ca", "--ticket", "T1", "--out", "other"];
    let mut alone = Command::new("setsid");
    alone.arg("--wait").arg(env!("CARGO_BIN_EXE_weir")).args(issue).current_dir(stage.path()).env("USER", "op");
    let output = alone.stdin(Stdio::null()).output().expect("setsid of util-linux");
    let wrong = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && wrong.ends_with("add `--passphrase-file FILE`\n"), "{wrong}");

    stage.write("other-word", "wrong horse");
    std::fs::set_permissions(stage.at("other-word"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let wrong = stage.wrong("issue tool --ca ca --passphrase-file other-word --ticket T1 --out other");
    assert!(wrong.contains("ca/ca.key") && wrong.contains("passphrase"), "{wrong}");
    stage.write("two", "one\ntwo\n");
    stage.write("open", "correct horse");
    std::fs::set_permissions(stage.at("two"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::set_permissions(stage.at("open"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (file, why) in [
        ("two", "two is to hold the passphrase in one line, and nothing else\n"),
        ("open", "others can read open: run `chmod 0600 open`\n"),
        ("gone", "gone cannot be read: No such file or directory (os error 2)\n"),
    ] {
        assert_eq!(stage.wrong(&format!("crl --ca ca --passphrase-file {file}")), why);
    }
    assert_eq!(stage.files("other"), Vec::<String>::new(), "nothing is left behind");
    assert_eq!(stage.json("list --ca ca")["certificates"].as_array().unwrap().len(), 1);
    for words in ["init --ca x --name X --encrypt --passphrase secret", "init --ca x --name X --passphrase-file word"] {
        assert!(stage.wrong(words).contains("Usage: weir cert init"), "{words}");
    }
}

#[test]
fn a_passphrase_that_is_typed_is_not_shown() {
    const WORD: &str = "battery-staple";
    let seen = (0..3).map(|number| {
        let stage = Stage::without_ca();
        let ca = format!("typed{number}");
        let seen = typed(&stage, &ca, WORD);
        assert!(seen.contains("The same again: "), "{seen}");
        stage.write("word", WORD);
        std::fs::set_permissions(stage.at("word"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        stage.ok(&format!("crl --ca {ca} --passphrase-file word"));
        seen
    });
    // The terminal may have been asked for silence a moment after the prompt.
    let shown: Vec<String> = seen.take_while(|seen| seen.contains(WORD)).collect();
    assert!(shown.len() < 3, "{shown:?}");
}

/// Makes a CA at a terminal, where somebody types; gives all that the terminal shows.
fn typed(stage: &Stage, ca: &str, word: &str) -> String {
    let command = format!("{} cert init --ca {ca} --name Typed --encrypt", env!("CARGO_BIN_EXE_weir"));
    let mut script = Command::new("timeout");
    script.args(["60", "script", "-qec", &command, "/dev/null"]).current_dir(stage.path()).env("USER", "op");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script of bsdutils");
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    for prompt in ["New passphrase: ", "The same again: "] {
        let mut byte = [0];
        while !seen.ends_with(prompt.as_bytes()) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        writeln!(keys, "{word}").unwrap();
    }
    screen.read_to_end(&mut seen).unwrap();
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&seen));
    String::from_utf8(seen).unwrap()
}

#[test]
fn every_new_list_has_a_higher_number_and_is_put_where_weir_reads_it() {
    let stage = Stage::new();
    let said = stage.ok("crl --ca ca --days 3 --publish clients.crl");
    assert!(said.starts_with("ca/crl.pem: list 2, 0 certificates, the next is due 20"), "{said}");
    assert_eq!(stage.read("clients.crl"), stage.read("ca/crl.pem"));
    assert_eq!(stage.json("crl --ca ca --publish clients.crl")["number"], 3);
    assert_eq!(stage.read("clients.crl"), stage.read("ca/crl.pem"));
    let (status, _, wrong) = stage.cert("crl --ca ca --publish gone/clients.crl");
    assert!(status == 2 && wrong.contains("gone/clients.crl cannot be written"), "{wrong}");
    assert!(wrong.contains("ca/crl.pem has the new list"), "{wrong}");
    assert_eq!(stage.json("list --ca ca")["list"]["number"], 4, "it is there all the same");
}

#[test]
fn who_did_it_stands_in_the_index() {
    let stage = Stage::new();
    let run = |name: &str, more: &[&str], environment: &[(&str, &str)]| {
        let words = ["cert", "issue", "tool", "--ca", "ca", "--ticket", "T1", "--out", name];
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(words).args(more).current_dir(stage.path());
        for name in ["USER", "SUDO_USER", "LOGNAME"] {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied()).output().unwrap()
    };
    assert!(run("a", &["--by", "alice"], &[("USER", "root")]).status.success());
    assert!(run("b", &[], &[("USER", "root"), ("SUDO_USER", "bob")]).status.success());
    assert!(run("c", &[], &[("USER", "carol")]).status.success());
    let nobody = run("d", &[], &[]);
    assert_eq!(nobody.status.code(), Some(2));
    assert_eq!(nobody.stderr, b"nobody knows who does this: add `--by` with your name\n");
    let list = stage.json("list --ca ca");
    let by: Vec<_> =
        list["certificates"].as_array().unwrap().iter().map(|entry| entry["issued"]["by"].as_str()).collect();
    assert_eq!(by, [Some("alice"), Some("bob"), Some("carol")]);
    assert_eq!(
        stage.wrong("issue tool --ca ca --ticket= --out d"),
        "`--ticket` is empty: write where this was decided\n"
    );
}
