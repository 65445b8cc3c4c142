//! The packet rules, in a network of the test's own: the kernel takes them, and drops who was not named.

use std::path::Path;
use std::process::{Command, Output};

use weir_testkit::walls::Walls;
use weir_testkit::{Pki, skip};

/// Loads the rules twice, as an operator does who renders again, and says who reaches which port.
const TRY: &str = r#"
set -eu
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip addr add fd00::1/128 dev lo nodad
ip addr add fd00::2/128 dev lo nodad
nft -c -f "$1"
nft -f "$1"
nft -f "$1"
exec python3 - <<'EOF'
import socket
for family, any_address, here, callers in [
    (socket.AF_INET, "0.0.0.0", "127.0.0.1", ["127.0.0.2", "127.0.0.3"]),
    (socket.AF_INET6, "::", "fd00::1", ["fd00::1", "fd00::2"]),
]:
    for port in [9093, 9094]:
        broker = socket.socket(family)
        broker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            broker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        broker.bind((any_address, port))
        broker.listen()
        for caller in callers:
            client = socket.socket(family)
            client.settimeout(3)
            client.bind((caller, 0))
            try:
                client.connect((here, port))
                print(caller, port, "reached")
            except socket.timeout:
                print(caller, port, "dropped")
            client.close()
EOF
"#;

#[test]
fn only_the_named_addresses_reach_the_brokers_port() {
    let mut options = super::right(&Pki::shared().client("weir"));
    options.config["upstreams"]["main"]["bootstrap"] =
        serde_json::json!(["kafka1.internal:9093", "kafka2.internal:9093"]);
    let walls = Walls::render(&options, &["--from", "127.0.0.2", "--from", "fd00::1/128"]);
    for tool in ["nft", "ip", "unshare", "python3"] {
        let find = format!("PATH=$PATH:/usr/sbin:/sbin; command -v {tool}");
        if !Command::new("sh").args(["-c", &find]).output().is_ok_and(|found| found.status.success()) {
            skip!("{tool} is not installed: apt-get install nftables iproute2 util-linux python3");
        }
    }
    let Some(output) = in_own_network(&walls.file("weir.nft")) else {
        skip!("this machine gives no network of one's own: unshare -rn and unshare -n are refused");
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "127.0.0.2 9093 reached",
            "127.0.0.3 9093 dropped",
            "127.0.0.2 9094 reached",
            "127.0.0.3 9094 reached",
            "fd00::1 9093 reached",
            "fd00::2 9093 dropped",
            "fd00::1 9094 reached",
            "fd00::2 9094 reached",
        ]
    );
}

/// Nothing where the kernel gives none.
fn in_own_network(rules: &Path) -> Option<Output> {
    let ways = ["-rn", "-n"];
    let way = ways
        .iter()
        .find(|way| Command::new("unshare").args([way, "true"]).output().is_ok_and(|out| out.status.success()))?;
    let mut command = Command::new("timeout");
    command.args(["60", "unshare", way, "sh", "-c", TRY, "try"]).arg(rules);
    Some(command.output().expect("a shell starts"))
}
