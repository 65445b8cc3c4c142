//! The same names by the JDK: what `X500Principal.getName("RFC2253")` writes is what Kafka calls a principal.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::process::{Command, Stdio};

use weir_policy::DistinguishedName;
use weir_testkit::{paths, require};

use crate::made::{Name, names};
use crate::subject;

const NAMES: usize = 100_000;
/// The types that RFC 2253 has a keyword for: the JDK writes others with their encoding, be its string type what it may.
const WITH_KEYWORD: [&str; 9] = [
    "2.5.4.3",
    "2.5.4.6",
    "2.5.4.7",
    "2.5.4.8",
    "2.5.4.9",
    "2.5.4.10",
    "2.5.4.11",
    "0.9.2342.19200300.100.1.25",
    "0.9.2342.19200300.100.1.1",
];

#[test]
fn our_text_is_the_jdks_on_a_hundred_thousand_names() {
    require!(has_java());
    let names = names("jdk", NAMES);
    let (mut same_text, mut same_name) = (0_usize, 0_usize);
    for (name, jdks) in names.iter().zip(ask(&names)) {
        let own = subject(name).unwrap();
        if is_plain(name) {
            assert_eq!(jdks, own.to_string(), "{name:?}");
            same_text += 1;
        }
        match DistinguishedName::parse(&jdks) {
            Ok(read) => {
                assert_eq!(read, own, "{jdks:?} of {name:?}");
                same_name += 1;
            }
            Err(_) => assert!(has_bare_return(name), "{jdks:?} of {name:?}"),
        }
    }
    println!("{NAMES} names: {same_text} are written alike, {same_name} are read alike");
    assert!(same_text > NAMES / 4 && same_name > NAMES - NAMES / 20, "{same_text}, {same_name}");
}

/// Where the RFCs leave no choice but the string type of a value: keywords, one attribute in a part, and no control
/// character, which Weir writes as hex digits so that none reaches a log.
fn is_plain(name: &Name) -> bool {
    name.0.iter().all(|rdn| match rdn.as_slice() {
        [(oid, _, text)] => WITH_KEYWORD.contains(&oid.as_str()) && !text.contains(char::is_control),
        _ => false,
    })
}

/// The JDK takes a carriage return at either end of a value for a blank and puts a backslash before it, which RFC 2253
/// does not know and `DistinguishedName::parse` refuses.
fn has_bare_return(name: &Name) -> bool {
    let at_end = |text: &str| text.trim_matches(' ').starts_with('\r') || text.trim_matches(' ').ends_with('\r');
    name.0.iter().flatten().any(|(oid, _, text)| WITH_KEYWORD.contains(&oid.as_str()) && at_end(text))
}

/// What the JDK writes of each name.
fn ask(names: &[Name]) -> Vec<String> {
    let dir = paths::run_dir("names").join("data");
    fs::create_dir(&dir).unwrap();
    let (asked, answered) = (dir.join("asked"), dir.join("answered"));
    let mut file = BufWriter::new(File::create(&asked).unwrap());
    for name in names {
        let der = name.der();
        file.write_all(&u32::try_from(der.len()).unwrap().to_be_bytes()).unwrap();
        file.write_all(&der).unwrap();
    }
    file.flush().unwrap();
    let mut java = Command::new("timeout");
    java.args(["300", "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"]);
    java.arg(paths::root().join("tests/hostile/java/Names.java")).args([&asked, &answered]);
    let output = java.stdin(Stdio::null()).output().expect("`timeout` starts");
    assert!(output.status.success(), "Names.java: {}", String::from_utf8_lossy(&output.stderr));
    let mut file = BufReader::new(File::open(&answered).unwrap());
    let answers = names.iter().map(|_| text(&mut file)).collect();
    fs::remove_dir_all(dir).unwrap();
    answers
}

fn text(from: &mut impl Read) -> String {
    let mut length = [0; 4];
    from.read_exact(&mut length).expect("an answer for each name");
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn has_java() -> Result<(), String> {
    let missing = |said: String| format!("a JDK 17 is needed (tests/setup.sh): {said}");
    let java = Command::new("java").arg("-version").stdin(Stdio::null()).output();
    match java {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(missing(String::from_utf8_lossy(&output.stderr).into_owned())),
        Err(error) => Err(missing(error.to_string())),
    }
}
