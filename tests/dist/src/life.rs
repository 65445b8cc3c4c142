//! Installed, installed again, upgraded, removed, purged. No systemd runs in the bare root: a stand-in of `systemctl`
//! writes down what it is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bare_root::{BareRoot, told};
use crate::serving::CONFIG;
use crate::{Shipped, ok};

const PACKAGE: &str = "/tmp/weir.deb";
/// What the stand-in was asked.
const ASKED: &str = "/tmp/systemctl.log";
/// It says that everything is active and enabled.
const SYSTEMCTL: &str =
    "#!/bin/sh\necho \"$*\" >>/tmp/systemctl.log\ncase \"$1\" in is-enabled) echo enabled ;; esac\n";
const KEY: &str = "/etc/weir/tls/server.key";
const AUDIT: &str = "/var/lib/weir/audit";

pub(crate) fn installs(bare: &BareRoot, shipped: &Shipped) {
    fs::copy(shipped.package(), bare.path(PACKAGE)).expect("the package can be copied");
    for _ in 0..2 {
        bare.prints(&["/usr/bin/dpkg", "-i", PACKAGE]);
    }
    assert_eq!(bare.prints(&["/usr/bin/weir", "--version"]), format!("weir {}\n", shipped.version));
    let user = bare.prints(&["/usr/bin/getent", "passwd", "weir"]);
    assert!(user.ends_with(":/nonexistent:/usr/sbin/nologin\n"), "{user}");
    assert_eq!(bare.prints(&["/usr/bin/stat", "-c", "%U:%G %a", "/etc/weir/tls"]), "root:weir 750\n");
    let differs = bare.prints(&["/usr/bin/dpkg", "--verify", "weir"]);
    assert_eq!(differs, "", "what is installed is what was packed");
    ok("dpkg -i, twice: the binary, its user, the directory of keys");
}

pub(crate) fn upgrades(bare: &BareRoot, shipped: &Shipped) {
    fs::create_dir_all(bare.path("/run/systemd/system")).expect("it can be made");
    let systemctl = bare.path("/usr/bin/systemctl");
    fs::write(&systemctl, SYSTEMCTL).expect("it can be written");
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    let asked = |during: &[&str]| {
        let _ = fs::remove_file(bare.path(ASKED));
        let output = bare.run(during);
        assert!(output.status.success(), "{}", told(&output));
        (fs::read_to_string(bare.path(ASKED)).unwrap_or_default(), told(&output))
    };
    let (calls, _) = asked(&["/usr/bin/dpkg", "-i", PACKAGE]);
    assert!(calls.contains("daemon-reload"), "{calls}");
    assert!(calls.contains("restart weir.service"), "a Weir that runs is restarted: {calls}");
    assert!(!calls.contains("stop"), "and not stopped before the new files are there: {calls}");

    let good = bare.text(CONFIG);
    fs::write(bare.path(CONFIG), good.replace("listeners:", "listenners:")).expect("it can be written");
    let (calls, said) = asked(&["/usr/bin/dpkg", "-i", PACKAGE]);
    assert!(!calls.contains("restart"), "one that would not start again goes on: {calls}");
    assert!(said.contains("weir: not restarted"), "{said}");
    fs::write(bare.path(CONFIG), good).expect("it can be written");
    assert_eq!(bare.prints(&["/usr/bin/weir", "--version"]), format!("weir {}\n", shipped.version));
    ok("an upgrade restarts a Weir that runs, unless the new one refuses its configuration");
}

pub(crate) fn is_removed(bare: &BareRoot) {
    fs::write(bare.path(ASKED), "").expect("it can be written");
    bare.prints(&["/usr/bin/dpkg", "--remove", "weir"]);
    assert!(bare.text(ASKED).contains("stop weir.service weir.socket"), "{}", bare.text(ASKED));
    for gone in ["/usr/bin/weir", "/usr/lib/systemd/system/weir.service", "/usr/share/man/man1/weir.1.gz"] {
        assert!(!bare.path(gone).exists(), "{gone} is gone");
    }
    for stays in [KEY, CONFIG, "/etc/weir/acl/catalogue.yaml", AUDIT] {
        assert!(bare.path(stays).exists(), "remove leaves {stays}");
    }
    bare.prints(&["/usr/bin/dpkg", "-i", PACKAGE]);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    fs::create_dir_all(bare.path(wants)).expect("it can be made");
    let link = bare.path(wants).join("weir.service");
    std::os::unix::fs::symlink("/usr/lib/systemd/system/weir.service", &link).expect("a link can be made");
    let said = bare.prints(&["/usr/bin/dpkg", "--purge", "weir"]);
    assert!(fs::symlink_metadata(&link).is_err(), "purge takes what starts it at boot");
    assert!(!bare.path("/etc/weir/tls").exists(), "purge takes the keys");
    for stays in [CONFIG, "/etc/weir/acl/catalogue.yaml", AUDIT] {
        assert!(bare.path(stays).exists(), "purge leaves {stays}");
    }
    assert!(said.contains("/etc/weir is left") && said.contains("/var/lib/weir is left"), "{said}");
    // Twice does no harm.
    bare.prints(&["/usr/bin/dpkg", "--purge", "weir"]);
    ok("remove leaves keys, configuration and audit; purge takes the keys, and says what is left");
}
