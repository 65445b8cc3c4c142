//! How many TLS handshakes one address and all together may begin in a time. What is beyond is closed before any
//! cryptography.
//!
//! A quarter of what all may begin is for networks that begin few: else some forty addresses, each within its own rate,
//! would leave nothing to anybody.
//!
//! Must never: grow with addresses that have not begun one lately, or charge one for a handshake that another limit
//! refused.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::permits::counted;
use crate::close_reason::CloseReason;
use crate::config::{HandshakeRate, Limits};

/// Addresses that are remembered before it is looked which of them can be forgotten.
const FEW: usize = 1_024;
/// A network that begins more than this is busy.
const QUIET: HandshakeRate = HandshakeRate { per_second: 1, burst: 10 };

/// The rates, and how far each is used.
#[derive(Debug)]
pub(super) struct Handshakes {
    rate: HandshakeRate,
    of_one: HandshakeRate,
    networks: Vec<(IpNet, HandshakeRate)>,
    all: Bucket,
    /// Those of busy networks, together.
    busy: Bucket,
    by_address: Buckets<IpAddr>,
    by_network: Buckets<IpNet>,
}

/// How far the rates of addresses or networks are used, of those that have begun something lately.
#[derive(Debug)]
struct Buckets<K> {
    used: HashMap<K, Bucket>,
    /// So many, and it is looked which of them can be forgotten.
    look_at: usize,
}

/// When all that was begun is paid for.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket(Option<Instant>);

impl Handshakes {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            rate: limits.handshakes,
            of_one: limits.handshakes_per_address,
            networks: limits.networks.clone(),
            all: Bucket::default(),
            busy: Bucket::default(),
            by_address: Buckets::default(),
            by_network: Buckets::default(),
        }
    }

    /// Whether one may begin, in all.
    pub(super) fn admits(&self, now: Instant) -> Result<(), CloseReason> {
        if self.all.has_room(self.rate, now) { Ok(()) } else { Err(CloseReason::ShedHandshake) }
    }

    /// Whether one may begin from an address.
    pub(super) fn admits_from(&self, address: IpAddr, now: Instant) -> Result<(), CloseReason> {
        if !self.by_address.of(&counted(address)).has_room(self.rate_of(address), now) {
            return Err(CloseReason::IpRate);
        }
        let has_room = !self.is_busy(address, now) || self.busy.has_room(most_of(self.rate), now);
        if has_room { Ok(()) } else { Err(CloseReason::ShedHandshake) }
    }

    /// One begins.
    pub(super) fn charge(&mut self, now: Instant) {
        self.all.charge(self.rate, now);
    }

    /// It comes from this address.
    pub(super) fn charge_from(&mut self, address: IpAddr, now: Instant) {
        let rate = self.rate_of(address);
        self.by_address.charge(counted(address), rate, now);
        if self.is_busy(address, now) {
            self.busy.charge(most_of(self.rate), now);
        } else {
            self.by_network.charge(network(address), QUIET, now);
        }
    }

    /// Whether its network has begun more lately than networks do that begin few.
    fn is_busy(&self, address: IpAddr, now: Instant) -> bool {
        !self.by_network.of(&network(address)).has_room(QUIET, now)
    }

    /// That of the smallest network that names the address, or everybody's.
    fn rate_of(&self, address: IpAddr) -> HandshakeRate {
        let address = address.to_canonical();
        let named = self.networks.iter().filter(|(network, _)| network.contains(&address));
        named.max_by_key(|(network, _)| network.prefix_len()).map_or(self.of_one, |(_, rate)| *rate)
    }
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self { used: HashMap::new(), look_at: FEW }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    fn of(&self, one: &K) -> Bucket {
        self.used.get(one).copied().unwrap_or_default()
    }

    fn charge(&mut self, one: K, rate: HandshakeRate, now: Instant) {
        self.used.entry(one).or_default().charge(rate, now);
        if self.used.len() > self.look_at {
            self.used.retain(|_, bucket| !bucket.is_full(now));
            self.look_at = self.used.len().saturating_mul(2).max(FEW);
        }
    }
}

/// What one organisation has, as a rule: a /24, or a /48 of IPv6.
fn network(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).map_or_else(|_| address.into(), |network| network.trunc())
}

/// Three quarters.
fn most_of(rate: HandshakeRate) -> HandshakeRate {
    let most = |of: u32| of.saturating_sub(of / 4);
    HandshakeRate { per_second: most(rate.per_second), burst: most(rate.burst) }
}

impl Bucket {
    fn has_room(self, rate: HandshakeRate, now: Instant) -> bool {
        let tolerance = interval(rate).saturating_mul(rate.burst.saturating_sub(1));
        self.0.is_none_or(|until| until.saturating_duration_since(now) <= tolerance)
    }

    fn charge(&mut self, rate: HandshakeRate, now: Instant) {
        let from = self.0.map_or(now, |until| until.max(now));
        self.0 = from.checked_add(interval(rate));
    }

    fn is_full(self, now: Instant) -> bool {
        self.0.is_none_or(|until| until <= now)
    }
}

fn interval(rate: HandshakeRate) -> Duration {
    Duration::from_secs(1).checked_div(rate.per_second.max(1)).unwrap_or(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshakes(all: u32, of_one: u32, networks: &[(&str, u32)]) -> Handshakes {
        let rate = |burst| HandshakeRate { per_second: 10, burst };
        Handshakes {
            rate: rate(all),
            of_one: rate(of_one),
            networks: networks.iter().map(|(network, burst)| (network.parse().unwrap(), rate(*burst))).collect(),
            all: Bucket::default(),
            busy: Bucket::default(),
            by_address: Buckets::default(),
            by_network: Buckets::default(),
        }
    }

    /// How many of so many handshakes from an address begin at once.
    fn begun(handshakes: &mut Handshakes, address: &str, tries: u32, now: Instant) -> u32 {
        let address = address.parse().unwrap();
        let begins = |_: &u32| {
            let admitted = handshakes.admits_from(address, now).and_then(|()| handshakes.admits(now)).is_ok();
            if admitted {
                handshakes.charge_from(address, now);
                handshakes.charge(now);
            }
            admitted
        };
        u32::try_from((0..tries).filter(begins).count()).unwrap()
    }

    #[test]
    fn hostile_q1_an_address_has_its_burst_and_then_its_rate() {
        let (mut handshakes, now) = (handshakes(1_000, 5, &[]), Instant::now());
        assert_eq!(begun(&mut handshakes, "192.0.2.1", 100, now), 5);
        assert_eq!(begun(&mut handshakes, "::ffff:192.0.2.1", 100, now), 0, "the same address in another form");
        assert_eq!(begun(&mut handshakes, "192.0.2.2", 100, now), 5);
        let later = now + Duration::from_millis(300);
        assert_eq!(begun(&mut handshakes, "192.0.2.1", 100, later), 3);
        let refused = handshakes.admits_from("192.0.2.1".parse().unwrap(), later);
        assert_eq!(refused, Err(CloseReason::IpRate));
    }

    #[test]
    fn hostile_t19_all_addresses_together_have_an_end() {
        let (mut handshakes, now) = (handshakes(20, 5, &[]), Instant::now());
        let all: u32 = (0..100).map(|last| begun(&mut handshakes, &format!("192.0.{last}.1"), 3, now)).sum();
        assert_eq!(all, 20);
        assert_eq!(handshakes.admits(now), Err(CloseReason::ShedHandshake));
        assert_eq!(handshakes.admits(now + Duration::from_millis(100)), Ok(()));
    }

    #[test]
    fn hostile_t19_forty_addresses_within_their_rates_leave_room_to_those_who_begin_few() {
        let rate = |per_second, burst| HandshakeRate { per_second, burst };
        for network in ["192.0.2", "2001:db8:0"] {
            let mut handshakes = Handshakes { rate: rate(500, 2_000), of_one: rate(50, 500), ..handshakes(1, 1, &[]) };
            let start = Instant::now();
            for step in 0..600_u64 {
                let now = start + Duration::from_millis(step * 100);
                for one in 0..39 {
                    // In one network, or in as many as there are addresses.
                    let address = match network {
                        "192.0.2" => format!("192.0.2.{one}"),
                        _ => format!("2001:db8:{one}::1"),
                    };
                    begun(&mut handshakes, &address, 50, now);
                }
                let other = format!("198.51.{}.1", step % 200);
                assert_eq!(begun(&mut handshakes, &other, 5, now), 5, "{network} {step}: a client of another network");
            }
        }
    }

    #[test]
    fn a_network_behind_one_address_has_numbers_of_its_own() {
        let networks = [("192.0.2.0/24", 50), ("192.0.2.128/25", 70), ("2001:db8::/32", 9)];
        let (mut handshakes, now) = (handshakes(1_000, 5, &networks), Instant::now());
        for (address, burst) in
            [("192.0.2.1", 50), ("192.0.2.200", 70), ("::ffff:192.0.2.201", 70), ("192.0.3.1", 5), ("2001:db8::1", 9)]
        {
            assert_eq!(begun(&mut handshakes, address, 100, now), burst, "{address}");
        }
    }

    #[test]
    fn addresses_that_have_paid_are_forgotten() {
        let (mut handshakes, now) = (handshakes(u32::MAX, 5, &[]), Instant::now());
        for second in 0..50_u64 {
            for host in 0..200 {
                let address = format!("10.{second}.{host}.1");
                assert_eq!(begun(&mut handshakes, &address, 1, now + Duration::from_secs(second)), 1);
            }
        }
        let remembered = handshakes.by_address.used.len();
        assert!(remembered <= 2 * FEW, "{remembered}");
    }
}
