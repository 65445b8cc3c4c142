//! Which addresses reach the brokers' listener for Weir, as rules for nftables.
//!
//! Must never: let an address in that was not named, or touch another table than its own.

use std::fmt::Write as _;

use ipnet::IpNet;

use super::Wall;

impl Wall<'_> {
    /// Nothing where no address was named: rules that let nobody in are not guessed.
    pub(super) fn packet_rules(&self) -> Option<String> {
        if self.from.is_empty() {
            return None;
        }
        let ports: Vec<String> = self.ports().iter().map(u16::to_string).collect();
        let ports = ports.join(", ");
        let (of_4, of_6): (Vec<&IpNet>, Vec<&IpNet>) = self.from.iter().partition(|from| matches!(from, IpNet::V4(_)));
        let families = [("weir4", "ipv4_addr", "ip", of_4), ("weir6", "ipv6_addr", "ip6", of_6)];
        let (mut sets, mut rules) = (String::new(), String::new());
        for (set, kind, family, networks) in families.into_iter().filter(|(.., networks)| !networks.is_empty()) {
            let elements = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let _ = write!(
                sets,
                "    set {set} {{\n        type {kind}; flags interval; auto-merge\n        elements = {{ {elements} }}\n    }}\n"
            );
            let _ = writeln!(rules, "        tcp dport {{ {ports} }} {family} saddr @{set} accept");
        }
        let (head, table) = (self.packet_words(), "weir_brokers");
        Some(format!(
            "{head}table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n{sets}    chain input {{\n        \
             type filter hook input priority filter; policy accept;\n{rules}        tcp dport {{ {ports} }} counter drop\n    \
             }}\n}}\n"
        ))
    }

    fn packet_words(&self) -> String {
        format!(
            "\
#!/usr/sbin/nft -f
# Only these addresses reach the ports that Weir dials at the brokers of upstream {}. Written by `weir render upstream`, for
# each machine with a broker: nft -c -f weir.nft, then nft -f weir.nft. It replaces its own table and touches no other;
# connections of others that are open stop, too. The ports are those of `bootstrap`: where brokers or administrators
# use the same ones, give Weir a listener of its own first, or they are shut out.
",
            self.name
        )
    }
}
