//! docs/operate/certificates.md: every command on it is run, in its order, and prints what the page shows, but for serial
//! numbers, digests and times. `WEIR_BLESS=1` writes the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Stage;
use crate::external::openssl;
use crate::support::with_output;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shipped example, with its revocation list, and the root of somebody else.
fn stage() -> Stage {
    let stage = Stage::without_ca();
    for name in fs::read_dir(stage.path()).unwrap() {
        let path = name.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    let example = fs::read_to_string(root().join("weir.example.yaml")).unwrap();
    let with_list = example.replace("# client_crl:", "client_crl:");
    assert_ne!(example, with_list, "the example has the key in a comment");
    stage.write("weir.yaml", &with_list);
    for directory in ["acl", "acl/principals"] {
        fs::create_dir(stage.at(directory)).unwrap();
        let files = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            fs::copy(&file, stage.at(directory).join(file.file_name().unwrap())).unwrap();
        }
    }
    let usages = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
    stage.write("root.cnf", &format!("[req]\ndistinguished_name=dn\nx509_extensions=root\n[dn]\n[root]\n{usages}"));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout company-root.key -out company-root.pem";
    openssl(&stage, &format!("req -x509 {key} -subj /CN=Company -days 3650 -config root.cnf"));
    stage
}

/// What a shell prints for a command.
fn printed(command: &str, directory: &Path) -> String {
    let weir = Path::new(env!("CARGO_BIN_EXE_weir")).parent().unwrap();
    let path = format!("{}:{}", weir.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{command} 2>&1")]).env("PATH", path).env("USER", "alice").env_remove("SUDO_USER");
    let output = shell.current_dir(directory).stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The text with what is new in every run replaced: long runs of hexadecimal digits, and digits of dates and times.
fn lasting(text: &str) -> String {
    let mut lasting = String::new();
    for word in text.split_inclusive(|next: char| !next.is_ascii_alphanumeric() && next != '-' && next != ':') {
        let bare = word.trim_end_matches(|next: char| !next.is_ascii_alphanumeric());
        let digits = bare.chars().filter(char::is_ascii_digit).count();
        let is_hex = bare.len() >= 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_time = digits >= 4 && bare.bytes().all(|byte| byte.is_ascii_digit() || b"-:TZ".contains(&byte));
        match is_hex || is_time {
            true => lasting.extend(word.chars().map(|next| if next.is_ascii_alphanumeric() { '0' } else { next })),
            false => lasting.push_str(word),
        }
    }
    lasting
}

#[test]
fn the_page_of_certificates_shows_what_is_printed() {
    let path = root().join("docs/operate/certificates.md");
    let page = fs::read_to_string(&path).unwrap();
    let stage = stage();
    let (written, commands) = with_output(&page, |command| printed(command, stage.path()));
    assert!(commands >= 25, "the page has commands: {commands}");
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&path, &written).unwrap();
        return;
    }
    let (shown, is) = (lasting(&page), lasting(&written));
    let different = shown.lines().zip(is.lines()).find(|(shown, is)| shown != is);
    assert_eq!(different, None, "first the page, then what is printed; WEIR_BLESS=1 writes it");
    assert_eq!(shown.lines().count(), is.lines().count(), "WEIR_BLESS=1 writes the page");
}

#[test]
fn what_changes_from_run_to_run_is_left_out_of_the_comparison_and_nothing_else() {
    let same = |a: &str, b: &str| lasting(a) == lasting(b);
    assert!(same(
        "serial 4045ab77858afe7488b9b2ac5dcdfce1, until 2027-05-21 03:15 UTC",
        "serial 5361bd6e515ae7ef0c16bb2e9d88d67a, until 2028-01-01 23:59 UTC"
    ));
    assert!(!same("list 1, 0 certificates", "list 2, 0 certificates"));
    assert!(!same("clients-ca/ca.pem", "clients-ca-2/ca.pem"));
    assert!(!same("ticket T123", "ticket T124"));
}
