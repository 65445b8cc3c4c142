//! What is looked at from outside, with the tools of the machine that runs this.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use weir_testkit::paths;

use crate::bare_root::{BareRoot, succeeds, told};
use crate::{Shipped, ok, skipped};

fn has(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().is_ok_and(|found| found.status.success())
}

pub(crate) fn looks_at_the_package(shipped: &Shipped) {
    if !has("lintian") {
        return skipped("lintian is not installed: apt-get install lintian");
    }
    let mut lintian = Command::new("lintian");
    // As root it only warns that it is.
    lintian.args(["--allow-root", "--fail-on", "error,warning"]).arg(shipped.package());
    succeeds(&mut lintian);
    ok("lintian has no error and no warning");
}

/// Under an emulator: that it starts, and reads a configuration.
pub(crate) fn runs_the_other_architecture(shipped: &Shipped) {
    let archive = shipped.archive("aarch64");
    if !archive.exists() {
        return skipped("nothing was made for aarch64");
    }
    if !has("qemu-aarch64-static") {
        return skipped("aarch64 was not run: apt-get install qemu-user-static");
    }
    let directory = paths::run_dir("bare-root").join("data");
    fs::create_dir_all(&directory).expect("the target directory can be written");
    succeeds(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&directory).arg("--strip-components=1"));
    let mut version = Command::new("qemu-aarch64-static");
    let printed = succeeds(version.arg(directory.join("weir")).arg("--version"));
    assert_eq!(String::from_utf8_lossy(&printed.stdout), format!("weir {}\n", shipped.version));
    let mut check = Command::new("qemu-aarch64-static");
    check.arg(directory.join("weir")).arg("check").current_dir(directory.join("examples"));
    let output = check.output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "the example has no certificates yet: {}", told(&output));
    ok("the binary for aarch64 runs");
}

pub(crate) fn looks_at_what_is_installed(bare: &BareRoot) {
    man_pages(bare);
    completions(bare);
    unit(bare);
}

/// One for each command, and none with a fault.
fn man_pages(bare: &BareRoot) {
    let entries = fs::read_dir(bare.path("/usr/share/man/man1")).expect("there are man pages");
    let pages: BTreeSet<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("weir"))
        .collect();
    for command in commands(bare) {
        assert!(pages.contains(&format!("weir-{command}.1.gz")), "weir {command} has no man page: {pages:?}");
    }
    if !has("man") {
        return skipped("man pages were not read: apt-get install man-db");
    }
    for page in &pages {
        let path = bare.path("/usr/share/man/man1").join(page);
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-Tutf8", "-l"])
            .arg(path)
            .env("MANWIDTH", "100")
            .env("LC_ALL", "C.UTF-8");
        let output = succeeds(&mut man);
        assert!(output.stderr.is_empty(), "{page}: {}", told(&output));
        assert!(output.stdout.len() > 300, "{page} says nothing: {}", told(&output));
    }
    ok(&format!("{} man pages", pages.len()));
}

/// As `weir --help` lists them.
fn commands(bare: &BareRoot) -> Vec<String> {
    let help = bare.prints(&["/usr/bin/weir", "--help"]);
    let list = help.split("Commands:\n").nth(1).expect("a list of commands");
    let lines = list.lines().take_while(|line| !line.is_empty());
    // The first line of each stands two blanks in, what goes on stands deeper.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let names: Vec<String> = names
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .filter(|name| name != "help")
        .collect();
    assert!(names.len() > 5, "{names:?} of {help}");
    names
}

fn completions(bare: &BareRoot) {
    let asks = "source /usr/share/bash-completion/completions/weir; COMP_WORDS=(weir exp); COMP_CWORD=1; \
                _weir weir exp weir; echo \"${COMPREPLY[@]}\"";
    assert_eq!(bare.prints(&["/bin/bash", "-c", asks]), "explain\n", "bash completes a command");
    ok("bash completes");
    let others = [
        ("zsh", "/usr/share/zsh/vendor-completions/_weir"),
        ("fish", "/usr/share/fish/vendor_completions.d/weir.fish"),
    ];
    for (shell, script) in others {
        if !has(shell) {
            skipped(&format!("the completion for {shell} was not read: apt-get install {shell}"));
            continue;
        }
        succeeds(Command::new(shell).arg("-n").arg(bare.path(script)));
        ok(&format!("{shell} reads its completion"));
    }
    if has("fish") {
        let asks = format!("source {}; complete -C 'weir exp'", bare.path(others[1].1).display());
        let output = succeeds(Command::new("fish").args(["--no-config", "-c", &asks]));
        assert!(output.stdout.starts_with(b"explain"), "{}", told(&output));
        ok("fish completes");
    }
}

fn unit(bare: &BareRoot) {
    if !has("systemd-analyze") {
        return skipped("the units were not looked at: apt-get install systemd");
    }
    let directory = paths::run_dir("bare-root").join("data");
    fs::create_dir_all(&directory).expect("the target directory can be written");
    for name in ["weir.service", "weir.socket"] {
        let text = bare.text(&format!("/usr/lib/systemd/system/{name}"));
        // The binary is where the root file system is.
        let here =
            text.replace("ExecStart=/usr/bin/weir", &format!("ExecStart={}", bare.path("/usr/bin/weir").display()));
        assert_eq!(here != text, name == "weir.service", "the service starts /usr/bin/weir");
        fs::write(directory.join(name), here).expect("the target directory can be written");
    }
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "./weir.service", "./weir.socket"]).current_dir(&directory);
    let output = succeeds(&mut verify);
    assert!(output.stderr.is_empty(), "{}", told(&output));
    ok("systemd-analyze verify");
}
