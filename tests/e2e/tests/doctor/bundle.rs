//! A bundle of the test's own, and what `weir doctor`, or another command for consumers, says of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use weir_testkit::{Identity, wait};

/// How long a state may take to be what it is going to be.
const PATIENT: Duration = Duration::from_secs(40);

/// The files, in a directory that goes with it.
pub struct Bundle {
    pub identity: Identity,
    directory: tempfile::TempDir,
}

/// What was said.
#[derive(Debug)]
pub struct Told {
    pub code: i32,
    pub json: Value,
}

impl Bundle {
    pub fn new(identity: &Identity, principal: &str, bootstrap: &str, topics: &[&str]) -> Self {
        let bundle = Self { identity: identity.clone(), directory: tempfile::tempdir().unwrap() };
        weir_testkit::bundle::write(bundle.directory.path(), identity, principal, bootstrap, topics);
        bundle
    }

    /// The same for other servers.
    pub fn to(self, servers: &[&str]) -> Self {
        let mut manifest: Value = serde_json::from_str(&fs::read_to_string(self.path("bundle.json")).unwrap()).unwrap();
        manifest["bootstrap"] = json!(servers);
        self.write("bundle.json", &manifest.to_string());
        self
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Puts a file somewhere else, and says where.
    pub fn take_away(&self, name: &str) -> PathBuf {
        let elsewhere = self.path(&format!("{name}.elsewhere"));
        fs::rename(self.path(name), &elsewhere).unwrap();
        elsewhere
    }

    /// What it says, as JSON.
    pub fn examine(&self, words: &[&str]) -> Told {
        let (code, text) = self.examine_for_people(&[words, &["--json"]].concat());
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let told = Told { code, json };
        assert_eq!(told.json["version"], 1);
        told
    }

    /// The same until something is so that is going to be.
    pub fn examine_until(&self, words: &[&str], is_so: impl Fn(&Told) -> bool) -> Told {
        let so = wait::try_until(PATIENT, || {
            let told = self.examine(words);
            if is_so(&told) { Ok(told) } else { Err(format!("{told:?}")) }
        });
        so.unwrap_or_else(|last| panic!("{last}"))
    }

    pub fn examine_for_people(&self, words: &[&str]) -> (i32, String) {
        self.say("doctor", words)
    }

    /// What a command says of it, and its exit status.
    pub fn say(&self, command: &str, words: &[&str]) -> (i32, String) {
        let mut weir = Command::new("timeout");
        weir.arg("120").arg(weir_testkit::weir_binary()).args([command, "--bundle"]).arg(self.directory.path());
        let output = weir.args(words).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(err, "", "{out}");
        let key = self.identity.issued.key_pem.lines().nth(1).unwrap();
        assert!(!out.contains(key), "the key is shown");
        let is_plain = |c: char| c == '\n' || !c.is_control();
        assert!(out.chars().all(is_plain), "{out:?}");
        (output.status.code().unwrap(), out)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Told {
    /// The steps that were gone.
    pub fn passed(&self) -> Vec<&str> {
        let steps = self.json["steps"].as_array().unwrap().iter();
        steps.filter(|step| step["result"] == "passed").map(|step| step["step"].as_str().unwrap()).collect()
    }

    pub fn details(&self, step: &str) -> &Value {
        let steps = self.json["steps"].as_array().unwrap();
        &steps.iter().find(|row| row["step"] == step).unwrap_or_else(|| panic!("{step}: {self:?}"))["details"]
    }

    pub fn seen(&self) -> &str {
        self.json["seen"].as_str().unwrap()
    }

    pub fn reasons(&self) -> Vec<String> {
        self.json["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap().to_owned()).collect()
    }

    /// It ended so, all before was gone, and nothing behind it was tried.
    pub fn failed(&self, code: i32, step: &str, fault: &str) {
        self.failed_with(code, step, &[fault]);
    }

    /// The same with one of several faults.
    pub fn failed_with(&self, code: i32, step: &str, faults: &[&str]) {
        let said = &self.json;
        assert_eq!(self.code, code, "{said:#}");
        assert!(faults.iter().any(|fault| said["fault"] == *fault), "{faults:?}: {said:#}");
        assert_eq!(said["step"], step, "{said:#}");
        for sentence in ["wrong", "to_do", "seen"] {
            assert!(!said[sentence].as_str().unwrap().is_empty(), "{sentence}: {said:#}");
        }
        assert!(["consumer", "operator"].contains(&said["who"].as_str().unwrap()));
        let results: Vec<_> = said["steps"].as_array().unwrap().iter().map(|row| &row["result"]).collect();
        let failed = results.iter().position(|result| *result == "failed").unwrap();
        let is_told = |(place, result): (usize, &&Value)| match place.cmp(&failed) {
            std::cmp::Ordering::Less => **result == "passed",
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => **result == "not-reached",
        };
        assert!(results.len() == 10 && results.iter().enumerate().all(is_told), "{said:#}");
    }
}
