//! `weir cert` as a person types it: each command, each refusal, and what is left behind by neither.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/mod.rs"]
mod support;

mod authority;
mod external;
mod inspect;
mod issue;
mod life;
mod page;
mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Ended, TOOL, sound_directory, weir, write};

/// A configuration with a policy of one principal, `tool`, and a CA in `ca`.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self::without_ca();
        stage.ok("init --ca ca --name Example");
        stage
    }

    fn without_ca() -> Self {
        let stage = Self(sound_directory());
        stage.principal("tool", "cn: tool");
        stage
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        write(self.path(), name, text);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A principal with its own namespace and this line in its `certificate:` list.
    fn principal(&self, name: &str, certificate: &str) {
        let text =
            TOOL.replace("tool\nc", &format!("{name}\nc")).replace("namespace: tool", &format!("namespace: {name}"));
        let text = text.replace("{cn: tool}", &format!("{{{certificate}}}"));
        self.write(&format!("acl/principals/{name}.yaml"), &text);
    }

    /// `weir cert`, with words that hold no blank.
    fn cert(&self, words: &str) -> Ended {
        let words: Vec<&str> = ["cert"].into_iter().chain(words.split_whitespace()).collect();
        weir(&words, self.path())
    }

    /// What it says where all is well.
    fn ok(&self, words: &str) -> String {
        let (status, said, wrong) = self.cert(words);
        assert_eq!(status, 0, "{words}: {said}{wrong}");
        said
    }

    /// The same as JSON.
    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{words} --json"))).unwrap()
    }

    /// What it says where something is wrong.
    fn wrong(&self, words: &str) -> String {
        let (status, said, wrong) = self.cert(words);
        assert_eq!((status, said.as_str()), (2, ""), "{words}: {wrong}");
        wrong
    }

    /// The names of what is in a directory, sorted.
    fn files(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.at(directory)) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.at(name)).unwrap().permissions().mode() & 0o777
    }

    /// Whose a certificate is, by the policy of `weir.yaml`.
    fn whose(&self, file: &str) -> Value {
        self.json(&format!("inspect {file} -c weir.yaml"))["items"][0]["principal"].clone()
    }
}
