//! `deploy/configuration-management/apply.sh` beside a Weir that runs: what is good is in force at once, what is bad changes
//! nothing, and what ends it in the middle, at whatever command, leaves the old or the new.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::json;
use weir_testkit::ports::Block;
use weir_testkit::process::Leashed;
use weir_testkit::{Acl, Ended, Pki, PrincipalSpec, RawClient, RawTarget, names, paths, wait, weir_binary};

use crate::{SOON, containers, prints, told};

const READER: &str = "layout-reader";
const LATER: &str = "layout-later";

/// What stands in `/etc/weir` and in a repository.
struct Desk {
    root: PathBuf,
    candidate: PathBuf,
    ports: Block,
    weir: Option<Leashed>,
}

impl Desk {
    fn new() -> Self {
        Self::at(&paths::run_dir("layout").join("data"))
    }

    fn at(dir: &Path) -> Self {
        let desk = Self { root: dir.join("etc"), candidate: dir.join("repository"), ports: Block::claim(), weir: None };
        let tls = desk.root.join("tls");
        fs::create_dir_all(&tls).unwrap();
        fs::create_dir_all(&desk.candidate).unwrap();
        let server = Pki::shared().server(&[names::HOST, &format!("*.{}", names::HOST)]);
        server.issued.write(&tls, "server").unwrap();
        fs::copy(Pki::shared().ca(), tls.join("clients-ca.pem")).unwrap();
        let config = json!({
            "listeners": [{
                "name": "public",
                "bind": format!("127.0.0.1:{}", desk.ports.first + 1),
                "advertise": {"sni": {"host": names::HOST}},
                "upstream": "main",
                "tls": {"certificate": "tls/server.pem", "key": "tls/server.key", "client_ca": "tls/clients-ca.pem"},
            }],
            "upstreams": {"main": {"bootstrap": ["127.0.0.1:1"]}},
            "shown_cluster_id": "layout",
            "policy": "acl",
            "admin": {"bind": format!("127.0.0.1:{}", desk.ports.first)},
            "workers": 1,
        });
        fs::write(desk.candidate.join("weir.yaml"), format!("{config:#}\n")).unwrap();
        desk.propose(&[READER]);
        desk
    }

    fn propose(&self, principals: &[&str]) {
        let acl = principals
            .iter()
            .fold(Acl::new(&["layout.topic"]), |acl, name| acl.principal(PrincipalSpec::new(name, &["layout.topic"])));
        acl.write(&self.candidate.join("acl"));
    }

    /// The candidate suspends this principal, or does not.
    fn propose_suspension(&self, who: &str, is_suspended: bool) {
        let path = self.candidate.join(format!("acl/suspended/principal-{who}.yaml"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if is_suspended {
            fs::write(path, format!("suspend: principal\nname: {who}\nreason: a test\nticket: T-1\n")).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(paths::root().join("deploy/configuration-management/apply.sh"));
        command.arg(&self.candidate).arg(&self.root).env("WEIR", weir_binary());
        // Whoever runs the tests: that Weir's user is asked, `make dist CHECK=1` has such a user for.
        command.env("WEIR_USER", "nobody-of-this-name");
        command
    }

    fn apply(&self) -> Output {
        self.command().output().unwrap()
    }

    #[track_caller]
    fn applied(&self) -> String {
        prints(&mut self.command())
    }

    fn config(&self) -> PathBuf {
        self.root.join("weir.yaml")
    }

    fn in_force(&self) -> PathBuf {
        fs::read_link(self.root.join("current")).unwrap_or_default()
    }

    fn serve(&mut self) {
        let mut command = Command::new(weir_binary());
        command.args(["serve", "-c"]).arg(self.config());
        self.weir = Some(Leashed::start("weir", &command, &paths::run_dir("layout").join("weir.log")));
        wait::until("weir runs", SOON, || self.lets_in(READER));
    }

    fn lets_in(&self, who: &str) -> Result<(), String> {
        let address = format!("127.0.0.1:{}", self.ports.first + 1);
        let target = RawTarget::new(&format!("{}:0", names::HOST), &Pki::shared().client(who));
        // With TLS 1.3 a client learns after its handshake that it is refused; who is let in is waited for.
        match RawClient::connect(&RawTarget { address, ..target })?.ended(Duration::from_millis(300)) {
            Ended::Silent => Ok(()),
            ended => Err(format!("{ended:?}")),
        }
    }

    fn is_in(&self, who: &str) {
        let began = Instant::now();
        wait::until(&format!("{who} is let in"), SOON, || self.lets_in(who));
        println!("{who} was let in after {:.2} s", began.elapsed().as_secs_f64());
    }

    fn is_out(&self, who: &str) {
        let out = || self.lets_in(who).map_or(Ok(()), |()| Err("it is let in".to_owned()));
        wait::until(&format!("{who} is not let in"), SOON, out);
    }

    /// What Weir would start with now.
    fn is_sound(&self) -> Result<(), String> {
        let output = Command::new(weir_binary()).args(["check", "-c"]).arg(self.config()).output().unwrap();
        if output.status.success() { Ok(()) } else { Err(told(&output)) }
    }

    fn order(&self, act: &str, who: &str) {
        let mut command = Command::new(weir_binary());
        command.args([act, "principal", who, "--reason", "now", "--ticket", "T-2", "-c"]).arg(self.config());
        prints(&mut command);
    }
}

#[test]
fn what_is_good_is_in_force_at_once_and_what_is_bad_changes_nothing() {
    let mut desk = Desk::new();
    assert!(desk.applied().contains("in force: releases/2"));
    desk.serve();
    assert_eq!(desk.applied(), "nothing has changed\n");

    desk.propose(&[READER, LATER]);
    let said = desk.applied();
    assert!(said.contains(&format!("+ {LATER}")) && said.contains("in force: "), "in words: {said}");
    desk.is_in(LATER);

    let before = desk.in_force();
    let tiers = desk.candidate.join("acl/tiers.yaml");
    let good = fs::read_to_string(&tiers).unwrap();
    for (wrong, told_so) in [
        ("tiers: [{tier: small, connections: none}]\n".to_owned(), "apply: acl/tiers.yaml:1:"),
        (format!("{good}# -----BEGIN PRIVATE KEY-----\n"), "a key stands in what everybody may read: acl/tiers.yaml"),
        ("\0\n-----BEGIN RSA PRIVATE KEY-----\n".to_owned(), "a key stands in what everybody may read: acl/tiers.yaml"),
    ] {
        fs::write(&tiers, wrong).unwrap();
        let output = desk.apply();
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let said = told(&output);
        assert!(said.contains(told_so) && said.contains("refused, and nothing has changed"), "{said}");
        assert_eq!(desk.in_force(), before);
    }
    fs::write(&tiers, good).unwrap();
    desk.is_sound().unwrap();
    desk.lets_in(LATER).unwrap();

    desk.propose(&[READER]);
    desk.applied();
    desk.is_out(LATER);
    desk.lets_in(READER).unwrap();
    for link in ["weir.yaml", "acl"] {
        assert_eq!(fs::read_link(desk.root.join(link)).unwrap(), Path::new("current").join(link));
    }
    let mode = |path: &str| fs::metadata(desk.root.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("acl"), mode("weir.yaml"), mode("acl/catalogue.yaml")), (0o755, 0o644, 0o644));
}

#[test]
fn a_suspension_of_this_machine_stays_and_one_of_the_repository_goes_with_it() {
    let mut desk = Desk::new();
    desk.propose(&[READER, LATER]);
    desk.applied();
    desk.serve();
    desk.order("suspend", LATER);
    desk.is_out(LATER);
    // A change that knows nothing of it ends no suspension.
    desk.propose_suspension(READER, true);
    let said = desk.applied();
    assert!(said.contains("in force: "), "{said}");
    desk.is_out(READER);
    assert!(desk.lets_in(LATER).is_err());
    desk.is_sound().unwrap();
    desk.propose_suspension(READER, false);
    desk.applied();
    desk.is_in(READER);
    assert!(desk.lets_in(LATER).is_err());
    desk.order("resume", LATER);
    desk.is_in(LATER);
}

/// Both have the same name in `suspended/` where a person and a repository stop the same principal, or only say so.
#[test]
fn hostile_no_candidate_ends_or_replaces_what_was_suspended_on_this_machine() {
    let desk = Desk::new();
    desk.propose(&[READER, LATER]);
    desk.propose_suspension(LATER, true);
    desk.applied();
    desk.propose_suspension(LATER, false);
    desk.applied();
    let suspended = desk.root.join("suspended");
    let own = suspended.join(format!("principal-{LATER}.yaml"));
    assert_eq!(fs::read_dir(&suspended).unwrap().count(), 0);
    desk.order("suspend", LATER);
    let said = fs::read(&own).unwrap();
    // A release of the last five brought one of this name.
    assert_eq!(desk.applied(), "nothing has changed\n");
    assert_eq!(fs::read(&own).unwrap(), said);
    // A file of this name that suspends something else.
    desk.propose_suspension(LATER, true);
    let brought = desk.candidate.join(format!("acl/suspended/principal-{LATER}.yaml"));
    fs::write(brought, "suspend: topic\nname: layout.topic\nreason: a test\nticket: T-1\n").unwrap();
    desk.applied();
    assert_eq!(fs::read(&own).unwrap(), said);
    assert!(suspended.join(format!("brought-principal-{LATER}.yaml")).exists());
    desk.propose_suspension(LATER, false);
    desk.applied();
    assert_eq!(fs::read(&own).unwrap(), said);
    desk.order("resume", LATER);
    assert!(!own.exists());
}

#[test]
fn hostile_a_candidate_leads_root_to_no_file_of_others_and_writes_nothing_to_a_terminal() {
    let desk = Desk::new();
    desk.applied();
    let before = desk.in_force();
    let outside = desk.root.with_file_name("of-root-alone");
    fs::write(&outside, "word: secret\n").unwrap();
    for link in ["acl/notes.md", "acl/principals/more.yaml"] {
        let link = desk.candidate.join(link);
        symlink(&outside, &link).unwrap();
        let output = desk.apply();
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("links are not followed: acl/") && !said.contains("secret"), "{said}");
        fs::remove_file(link).unwrap();
    }
    let tiers = desk.candidate.join("acl/tiers.yaml");
    let good = fs::read_to_string(&tiers).unwrap();
    fs::write(&tiers, "tiers: [{tier: small, '\\033[2Jgone\\c': 1}]\n").unwrap();
    let output = desk.apply();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !said.contains('\x1b') && said.contains(r"\033[2Jgone\c") && said.contains("nothing has changed"),
        "{said}"
    );
    fs::write(&tiers, good).unwrap();
    assert_eq!(desk.in_force(), before);
    assert_eq!(desk.applied(), "nothing has changed\n");
}

/// The candidate is not to blame.
#[test]
fn what_cannot_be_done_is_no_refusal() {
    let desk = Desk::new();
    let tools = desk.root.with_file_name("full");
    fs::create_dir_all(&tools).unwrap();
    let cp = tools.join("cp");
    fs::write(&cp, "#!/bin/sh\necho 'cp: No space left on device' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&cp, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let output = desk.command().env("PATH", path).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(!desk.root.join("current").exists());
    assert_eq!(fs::read_dir(desk.root.join("releases")).unwrap().count(), 1, "the lock alone");
}

/// Root may read a key that Weir's user may not.
#[test]
fn what_weirs_user_cannot_read_is_refused() {
    weir_testkit::require!(containers());
    // Whoever is nobody may not come to where the tests are.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let weir = dir.path().join("weir");
    fs::copy(weir_binary(), &weir).unwrap();
    let desk = Desk::at(dir.path());
    let apply = || desk.command().env("WEIR", &weir).env("WEIR_USER", "nobody").output().unwrap();
    let output = apply();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("tls/server.key` cannot be read: Permission denied"), "{}", told(&output));
    assert!(!desk.root.join("current").exists());
    let group = prints(Command::new("id").args(["-g", "nobody"])).trim().parse().unwrap();
    let key = desk.root.join("tls/server.key");
    chown(&key, Some(0), Some(group)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let output = apply();
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn files_that_are_no_links_are_not_replaced() {
    let desk = Desk::new();
    fs::copy(desk.candidate.join("weir.yaml"), desk.config()).unwrap();
    let output = desk.apply();
    assert!(
        output.status.code() == Some(2) && told(&output).contains("move it into the candidate"),
        "{}",
        told(&output)
    );
    assert!(!desk.root.join("current").exists());
}

/// In the place of each program that changes something stands one that counts, and at the `n`th call kills the script.
fn mortal(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let script = "#!/bin/sh\n\
        n=$(($(cat \"$COUNT\") + 1)); echo $n >\"$COUNT\"\n\
        [ $n -ne \"$DIES_AT\" ] || kill -KILL \"$(cat \"$VICTIM\")\"\n\
        exec \"/usr/bin/${0##*/}\" \"$@\"\n";
    fs::write(dir.join("die"), script).unwrap();
    fs::set_permissions(dir.join("die"), fs::Permissions::from_mode(0o755)).unwrap();
    for program in ["mkdir", "mktemp", "cp", "chmod", "ln", "mv", "rm", "sync", "find"] {
        assert!(Path::new("/usr/bin").join(program).exists(), "{program}");
        symlink("die", dir.join(program)).unwrap();
    }
}

#[test]
fn hostile_o11_an_end_at_any_command_leaves_the_old_or_the_new() {
    let desk = Desk::new();
    desk.applied();
    let tools = desk.root.with_file_name("mortal");
    mortal(&tools);
    let [count, victim] = ["count", "victim"].map(|name| tools.join(name));
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut ends = 0;
    let (mut olds, mut news) = (0, 0);
    for dies_at in 1.. {
        // Each time another change, with a suspension that comes or goes.
        desk.propose(if dies_at % 2 == 0 { &[READER] } else { &[READER, LATER] });
        desk.propose_suspension("layout-other", true);
        if dies_at % 2 == 0 {
            desk.propose_suspension("layout-other", false);
        }
        let before = desk.in_force();
        fs::write(&count, "0\n").unwrap();
        let apply = desk.command();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $$ >\"$VICTIM\"; exec \"$@\"", "run"]);
        command.arg(apply.get_program()).args(apply.get_args());
        command.envs(apply.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", &path).env("COUNT", &count).env("VICTIM", &victim).env("DIES_AT", dies_at.to_string());
        let output = command.output().unwrap();
        desk.is_sound().unwrap_or_else(|wrong| panic!("ended at {dies_at}: {wrong}"));
        if desk.in_force() == before {
            olds += 1
        } else {
            news += 1
        }
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), None, "ended by a signal: {}", told(&output));
        ends += 1;
        // The next run does the rest.
        desk.applied();
        let is_suspended = desk.root.join("suspended/brought-principal-layout-other.yaml").exists();
        assert_eq!(is_suspended, dies_at % 2 == 1, "ended at {dies_at}");
        assert!(ends < 100);
    }
    println!("{ends} commands at which it was ended: {olds} times the old was in force, {news} times the new");
    assert!(ends > 10 && olds > 5 && news > 1);
}
