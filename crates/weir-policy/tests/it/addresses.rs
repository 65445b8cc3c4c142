//! The networks of a principal.

use std::net::IpAddr;

use crate::small;

fn allows(cidrs: &str, address: &str) -> bool {
    let mut file = small::principal("p", "p", "{cn: p}", &[]);
    file.text = format!("{}{cidrs}", file.text).into();
    let policy = small::policy(&small::files(small::catalogue([], []), "never: []\n", vec![file]));
    policy.principal("p").unwrap().allows_address(address.parse::<IpAddr>().unwrap())
}

#[test]
fn without_networks_any_address_will_do() {
    assert!(allows("", "203.0.113.9"));
    assert!(allows("", "2001:db8::1"));
}

#[test]
fn with_networks_only_theirs() {
    let cidrs = "cidrs: [192.0.2.0/24, '2001:db8:1::/48']\n";
    for inside in ["192.0.2.0", "192.0.2.255", "2001:db8:1::7", "::ffff:192.0.2.7"] {
        assert!(allows(cidrs, inside), "{inside}");
    }
    for outside in ["192.0.3.0", "127.0.0.1", "2001:db8:2::7", "::ffff:192.0.3.7", "::192.0.2.7"] {
        assert!(!allows(cidrs, outside), "{outside}");
    }
}
