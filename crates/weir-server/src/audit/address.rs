//! What of a client's address is written: all of it, its network, or a token that stands for it for a day.
//!
//! Must never: write a key anywhere, or give an address to anything but the one policy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use time::Date;

use crate::config::raw::RawAddresses;
use crate::tls::{hmac_sha256, random_key};

/// Hexadecimal digits of a token: as many as two addresses never share by chance.
const TOKEN: usize = 32;

/// The policy for addresses, with the key of the day.
pub(super) struct Addresses {
    policy: RawAddresses,
    key: Option<(Date, [u8; 32])>,
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addresses").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Addresses {
    pub(super) fn new(policy: RawAddresses) -> Self {
        Self { policy, key: None }
    }

    /// What is written of an address on a day; nothing where the system gives no key.
    pub(super) fn shown(&mut self, address: IpAddr, today: Date) -> Option<String> {
        let address = address.to_canonical();
        match self.policy {
            RawAddresses::Full => Some(address.to_string()),
            RawAddresses::Truncated => Some(network(address)),
            RawAddresses::Hmac => {
                let tag = hmac_sha256(&self.key_of(today)?, address.to_string().as_bytes())?;
                let digits: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
                Some(format!("hmac:{}", digits.get(..TOKEN)?))
            }
        }
    }

    /// The key of a day. The one of the day before is gone.
    fn key_of(&mut self, today: Date) -> Option<[u8; 32]> {
        match self.key {
            Some((day, key)) if day == today => Some(key),
            _ => {
                let key = random_key()?;
                self.key = Some((today, key));
                Some(key)
            }
        }
    }
}

/// The network in which an address is: a /24, or a /48 of IPv6.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{}/24", Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(address) => format!("{}/48", Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80))),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const TODAY: Date = date!(2026 - 11 - 21);

    fn shown(policy: RawAddresses, address: &str) -> String {
        Addresses::new(policy).shown(address.parse().unwrap(), TODAY).unwrap()
    }

    #[test]
    fn the_network_alone_is_written_of_a_truncated_address() {
        let truncated = |address| shown(RawAddresses::Truncated, address);
        assert_eq!(truncated("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(truncated("255.255.255.255"), "255.255.255.0/24");
        assert_eq!(truncated("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(truncated("2001:db8:1:ffff:1:2:3:4"), "2001:db8:1::/48");
        assert_eq!(shown(RawAddresses::Full, "::ffff:192.0.2.77"), "192.0.2.77");
    }

    #[test]
    fn a_token_is_one_clients_for_a_day_and_nobody_can_make_it_again() {
        let mut addresses = Addresses::new(RawAddresses::Hmac);
        let mut of = |address: &str, day| addresses.shown(address.parse().unwrap(), day).unwrap();
        let token = of("192.0.2.77", TODAY);
        assert!(token.len() == "hmac:".len() + TOKEN && token.starts_with("hmac:"), "{token}");
        assert_eq!(token, of("::ffff:192.0.2.77", TODAY));
        assert_ne!(token, of("192.0.2.78", TODAY));
        assert_ne!(token, of("192.0.2.77", TODAY.next_day().unwrap()));
        assert_ne!(token, of("192.0.2.77", TODAY), "the key of a day that has passed is gone");
        assert_ne!(token, shown(RawAddresses::Hmac, "192.0.2.77"), "another process has another key");
        assert_eq!(format!("{addresses:?}"), "Addresses { policy: Hmac, .. }");
    }
}
