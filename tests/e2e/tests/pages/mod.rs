//! Pages whose commands are run: their fenced blocks, and a shell in a directory of its own.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use weir_testkit::{paths, weir_binary};

/// The longest that one block may take, in seconds.
const LIMIT: &str = "240";

/// A fenced block.
#[derive(Debug, Clone)]
pub struct Block {
    /// What stands after the backticks.
    pub kind: String,
    pub text: String,
}

impl Block {
    /// The name of the file that it is, from its first line.
    pub fn name(&self) -> Option<&str> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        let is_name =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte)) && name.contains('.');
        is_name.then_some(name)
    }
}

/// A page.
#[derive(Debug)]
pub struct Page {
    pub text: String,
    pub blocks: Vec<Block>,
}

impl Page {
    /// Reads a page by its path from the root.
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(paths::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let block = |fence: &str| {
            let (kind, text) = fence.split_once('\n').unwrap_or_default();
            Block { kind: kind.to_owned(), text: text.to_owned() }
        };
        // Between every other pair of fences stands prose.
        let blocks = text.split("```").skip(1).step_by(2).map(block).collect();
        Self { text, blocks }
    }

    /// The blocks that are files, with their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.blocks.iter().filter_map(|block| Some((block.name()?, block.text.as_str())))
    }

    /// The commands of the one `sh` block that has this text.
    pub fn command_with(&self, part: &str) -> &str {
        let mut found = self.blocks.iter().filter(|block| block.kind == "sh" && block.text.contains(part));
        let first = found.next().unwrap_or_else(|| panic!("no command on the page has {part:?}"));
        assert!(found.next().is_none(), "two blocks have {part:?}");
        &first.text
    }

    /// The page with what each command of its `console` blocks prints.
    pub fn with_consoles(&self, mut printed: impl FnMut(&str) -> String) -> String {
        let mut written = String::new();
        let mut is_console = false;
        for line in self.text.lines() {
            if line.starts_with("```") {
                is_console = line == "```console";
            }
            if !is_console || line.starts_with("```") {
                written.push_str(&format!("{line}\n"));
            } else if let Some(command) = line.strip_prefix("$ ") {
                written.push_str(&format!("{line}\n{}", printed(command)));
            }
        }
        written
    }
}

/// A shell in an empty directory, with `weir` and the tests' Python in its path.
#[derive(Debug, Clone)]
pub struct Shell {
    directory: PathBuf,
    path: String,
    variables: Vec<(String, String)>,
}

impl Shell {
    pub fn new(area: &str, python: &str) -> Self {
        let weir = weir_binary().parent().expect("it is in a directory").display().to_string();
        let system = std::env::var("PATH").expect("a path");
        Self { directory: paths::run_dir(area), path: format!("{weir}:{python}:{system}"), variables: Vec::new() }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn put(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// A program of this directory, in sh, which goes before the system's own.
    pub fn put_program(&mut self, name: &str, script: &str) {
        let bin = self.at("bin");
        fs::create_dir_all(&bin).expect("a directory can be made");
        fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).expect("a program can be written");
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("it can be made one");
        let path = format!("{}:", bin.display());
        if !self.path.starts_with(&path) {
            self.path.insert_str(0, &path);
        }
    }

    /// A variable for all that is run from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// What the commands print, where they all succeed.
    pub fn run(&self, commands: &str) -> String {
        let (status, out, err) = self.start(commands);
        assert_eq!(status, 0, "{commands}\n{out}{err}");
        out
    }

    /// Status and output of commands.
    pub fn try_run(&self, commands: &str) -> (i32, String) {
        let (status, out, _) = self.start(commands);
        (status, out)
    }

    /// Output, then what was said beside it.
    pub fn printed(&self, commands: &str) -> String {
        let (_, out, err) = self.start(commands);
        out + &err
    }

    /// Status, output, and what was said beside it.
    pub fn run_whole(&self, commands: &str) -> (i32, String, String) {
        self.start(commands)
    }

    fn start(&self, commands: &str) -> (i32, String, String) {
        // By its whole path: a test may have another one in its own.
        let mut shell = Command::new("/usr/bin/timeout");
        shell
            .args(["-k", "5", LIMIT, "sh", "-eu", "-c", commands])
            .current_dir(&self.directory)
            .env("PATH", &self.path);
        shell.envs(self.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        let output = shell.output().expect("a shell starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }
}
