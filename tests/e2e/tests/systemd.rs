//! What deploy/systemd ships, and what Weir and systemd say to each other: its units are sound and confined, a socket
//! that systemd hands over is served, and it is told when Weir serves, how it is, that it lives, and that it stops.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use weir_testkit::{Acl, Advertise, Pki, PrincipalSpec, RawClient, Weir, WeirOptions, paths, skip, wait, weir_binary};

/// What `systemd-analyze security` may find, in tenths: 0 is a service that can do nothing at all.
const EXPOSURE: &str = "12";
const SOON: Duration = Duration::from_secs(20);
const READER: &str = "systemd-reader";

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

const MISSING: &str = "systemd is not installed: apt-get install systemd";

const MIRROR: &str = "weir-mirror@.service";

/// The shipped units in a directory of their own, with the binary that is here, and none in the place of Kafka.
fn units() -> PathBuf {
    let (from, to) = (paths::root().join("deploy/systemd"), paths::run_dir("systemd"));
    let names: Vec<_> = fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let text = fs::read_to_string(from.join(&name)).unwrap();
        let here = text.replace("=/usr/bin/weir ", &format!("={} ", weir_binary().display()));
        assert_eq!(here != text, name != "weir.socket", "{}", name.display());
        fs::write(to.join(&name), here.replace("=/opt/kafka/bin/connect-mirror-maker.sh ", "=/bin/true ")).unwrap();
    }
    to
}

fn told(Output { status, stdout, stderr }: &Output) -> String {
    format!("{status}\n{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}

#[test]
fn the_units_are_sound() {
    if !has("systemd-analyze") {
        skip!("{MISSING}");
    }
    let units = units();
    let verify = |names: &[&str]| {
        Command::new("systemd-analyze").arg("verify").args(names).current_dir(&units).output().unwrap()
    };
    let output = verify(&["./weir.service", "./weir.socket", "./weir-mirror@public.service"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", told(&output));
    let service = fs::read_to_string(units.join("weir.service")).unwrap();
    fs::write(units.join("weir.service"), service.replace("Type=notify", "Type=notfy")).unwrap();
    let output = verify(&["./weir.service"]);
    assert!(told(&output).contains("notfy"), "it sees what is wrong: {}", told(&output));
}

#[test]
fn the_services_may_do_little() {
    if !has("systemd-analyze") {
        skip!("{MISSING}");
    }
    let security = |name: &str, text: &dyn Fn(String) -> String| {
        let units = units();
        let unit = units.join(name);
        fs::write(&unit, text(fs::read_to_string(&unit).unwrap())).unwrap();
        let threshold = format!("--threshold={EXPOSURE}");
        let arguments = ["security", "--offline=true", &threshold, &format!("./{name}")];
        Command::new("systemd-analyze").args(arguments).current_dir(&units).output().unwrap()
    };
    for name in ["weir.service", MIRROR] {
        let output = security(name, &|unit| unit);
        let text = told(&output);
        println!("{}", text.lines().find(|line| line.contains("exposure level")).unwrap_or("no figure"));
        assert!(output.status.success(), "{text}");
        let output = security(name, &|unit| unit.replace("User=weir", "#"));
        assert!(!output.status.success(), "as root it is exposed: {}", told(&output));
    }
}

/// What MirrorMaker itself does with the properties, `mirror.rs` tries.
#[test]
fn the_mirrors_unit_starts_what_lacks_a_topic_and_not_what_copies_one_too_many() {
    let mut options = options();
    options.config["upstreams"]["main"]["mirror"] =
        serde_json::json!({ "from": { "inside": { "bootstrap": ["127.0.0.1:2"] } } });
    let (dir, weir) = (options.dir().to_owned(), weir_binary().display().to_string());
    options.acl.write(&dir.join("acl"));
    fs::write(dir.join("weir.yaml"), options.config.to_string()).unwrap();
    let place = dir.display().to_string();
    let unit = fs::read_to_string(paths::root().join("deploy/systemd").join(MIRROR)).unwrap();
    let unit = unit.replace("%i", "main").replace("/usr/bin/weir", &weir);
    let unit = unit.replace("/etc/weir-mirror", &place).replace("/etc/weir/", &format!("{place}/"));
    let of_key = |key: &str| -> Vec<String> {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split(' ').map(str::to_owned).collect()
    };
    let run = |command: &[String]| Command::new(&command[0]).args(&command[1..]).output().unwrap();
    let (before, start) = (of_key("ExecStartPre="), of_key("ExecStart="));
    let properties = Path::new(start.last().unwrap());
    let needed = unit.lines().find_map(|line| line.strip_prefix("AssertPathExists=")).unwrap();
    assert_eq!(Path::new(needed), properties);
    let render = [weir.as_str(), "render", "mirror", "-c", &format!("{place}/weir.yaml"), "--out", &place];
    let output = run(&render.map(str::to_owned));
    assert!(output.status.success(), "{}", told(&output));
    assert!(run(&before).status.success(), "{}", told(&run(&before)));
    // The catalogue of tomorrow.
    Acl::new(&["systemd.topic", "systemd.more"]).write(&dir.join("acl"));
    let output = run(&before);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("- systemd.more"), "the journal has what is missing: {}", told(&output));
    let strict: Vec<String> = before.iter().filter(|word| *word != "--allow-missing").cloned().collect();
    assert_eq!(run(&strict).status.code(), Some(1), "a timer is told by the status");
    // And of another day.
    Acl::new(&["systemd.another"]).write(&dir.join("acl"));
    let output = run(&before);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("+ systemd.topic"), "the journal has what it is: {}", told(&output));
}

/// Weir before a cluster that nobody is at home in: enough for a handshake.
fn options() -> WeirOptions {
    let acl = Acl::new(&["systemd.topic"]).principal(PrincipalSpec::new(READER, &["systemd.topic"]));
    WeirOptions::before(&["127.0.0.1:1".to_owned()], Advertise::Sni, acl).untapped()
}

fn bind(options: &WeirOptions) -> String {
    options.config["listeners"][0]["bind"].as_str().unwrap().to_owned()
}

fn shakes_hands(address: String) -> Result<RawClient, String> {
    let target = weir_testkit::RawTarget::new("weir.localhost:0", &Pki::shared().client(READER));
    RawClient::connect(&weir_testkit::RawTarget { address, ..target })
}

/// `systemd-socket-activate` listens, and becomes Weir when the first client has come.
#[test]
fn a_socket_that_systemd_hands_over_is_served() {
    if !has("systemd-socket-activate") {
        skip!("{MISSING}");
    }
    let mut options = options();
    let address = bind(&options);
    options.launcher = ["systemd-socket-activate", "-l", &address].map(str::to_owned).into();
    let mut weir = Weir::start_unready(options);
    let first = wait::until("the first client's handshake", SOON, || shakes_hands(address.clone()));
    assert!(shakes_hands(address.clone()).is_ok());
    assert!(!weir.log().contains("not handed over"), "{}", weir.log());
    drop(first);
    assert_eq!(weir.stop(), 0);
}

#[test]
fn a_socket_that_nothing_is_configured_for_ends_the_start_with_a_word() {
    if !has("systemd-socket-activate") {
        skip!("{MISSING}");
    }
    let mut options = options();
    let stray = format!("127.0.0.1:{}", options.spare_ports().start);
    options.launcher = ["systemd-socket-activate", "-l", &stray].map(str::to_owned).into();
    let mut weir = Weir::start_unready(options);
    let _client =
        wait::until("a client", SOON, || std::net::TcpStream::connect(&stray).map_err(|error| error.to_string()));
    let status = wait::until("the end", SOON, || weir.ended().ok_or_else(|| "it runs".to_owned()));
    assert_ne!(status, 0);
    assert!(weir.log().contains(&format!("handed over a socket for {stray}")), "{}", weir.log());
}

/// Where a service manager listens, and what it has been told.
struct Manager {
    socket: UnixDatagram,
    told: Vec<String>,
}

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { socket, told: Vec::new() }
    }

    fn hear(&mut self) {
        let mut datagram = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut datagram) {
            self.told.extend(String::from_utf8_lossy(&datagram[..length]).lines().map(str::to_owned));
        }
    }

    #[track_caller]
    fn hears(&mut self, what: &str) {
        wait::until(what, SOON, || {
            self.hear();
            let heard = self.told.iter().any(|line| line.starts_with(what));
            heard.then_some(()).ok_or_else(|| format!("{:?}", self.told))
        });
    }
}

#[test]
fn systemd_is_told_when_weir_serves_how_it_is_that_it_lives_and_that_it_stops() {
    let mut options = options();
    // The path of a socket has 107 bytes at the most, and this one is short.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let mut manager = Manager::listen(&path);
    let address = format!("NOTIFY_SOCKET={}", path.display());
    options.launcher = ["/usr/bin/env", &address, "WATCHDOG_USEC=400000"].map(str::to_owned).into();
    options.config["drain"] = serde_json::json!({ "spread": "30s" });
    let address = bind(&options);
    let mut weir = Weir::start_unready(options);
    manager.hears("READY=1");
    assert!(shakes_hands(address).is_ok(), "it serves when it says so");
    manager.hears("STATUS=not ready: ");
    manager.hears("WATCHDOG=1");
    // Twice in each time of the watchdog, or more.
    manager.told.clear();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        manager.hear();
    }
    let fed = manager.told.iter().filter(|line| *line == "WATCHDOG=1").count();
    assert!((10..=25).contains(&fed), "{fed} in 4 s");
    // A process that stands still says nothing.
    weir.signal("STOP");
    std::thread::sleep(Duration::from_millis(500));
    manager.hear();
    manager.told.clear();
    std::thread::sleep(Duration::from_secs(1));
    manager.hear();
    assert_eq!(manager.told, <[String; 0]>::default());
    weir.signal("CONT");
    manager.hears("WATCHDOG=1");
    weir.signal("TERM");
    manager.hears("STOPPING=1");
    manager.hears("EXTEND_TIMEOUT_USEC=34000000");
    assert_eq!(weir.stop(), 0);
}

/// Under a systemd that runs, as a transient unit of it. Where none does there is nothing to skip: the parts are tested
/// above.
#[test]
fn a_running_systemd_starts_it_and_sees_it_serve() {
    if !Path::new("/run/systemd/system").exists() {
        println!("no systemd runs here: the service was not started under one");
        return;
    }
    let options = options();
    let config = options.dir().join("weir.yaml");
    options.acl.write(&options.dir().join("acl"));
    fs::write(&config, options.config.to_string()).unwrap();
    let unit = format!("weir-test-{}.service", std::process::id());
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let manager = if is_root { "--system" } else { "--user" };
    // It returns when READY=1 has come.
    let started = Command::new("timeout")
        .args(["60", "systemd-run", manager, "--service-type=notify", "--property=WatchdogSec=10", "--unit", &unit])
        .args([weir_binary(), Path::new("serve"), Path::new("-c"), &config])
        .output()
        .unwrap();
    let show =
        Command::new("systemctl").args([manager, "show", "-pActiveState", "-pStatusText", &unit]).output().unwrap();
    let served = shakes_hands(bind(&options));
    let stopped = Command::new("timeout").args(["60", "systemctl", manager, "stop", &unit]).output().unwrap();
    assert!(started.status.success(), "{}", told(&started));
    assert!(told(&show).contains("ActiveState=active"), "{}", told(&show));
    assert!(served.is_ok() && stopped.status.success(), "{}", told(&stopped));
}
