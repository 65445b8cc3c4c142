//! How many connections one address, all strangers together and the whole process may have at once, and how many may
//! begin in a time.
//!
//! A place is taken by getting a permit and given back by dropping it. Must never: grow with addresses that have no
//! connection now.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::places::{give_back, take};
use super::rates::Handshakes;
use crate::close_reason::CloseReason;
use crate::config::Limits;
use crate::lock::lock;

/// Who may knock. Its clones count together.
#[derive(Clone, Debug)]
pub struct Gatekeeper(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    counts: Mutex<Counts>,
    most: usize,
    most_unauthenticated: usize,
    most_per_address: usize,
}

#[derive(Debug)]
struct Counts {
    all: usize,
    unauthenticated: usize,
    by_address: HashMap<IpAddr, usize>,
    handshakes: Handshakes,
}

/// A place for one connection that is not authenticated yet.
#[derive(Debug)]
pub struct UnauthenticatedPermit {
    connection: ConnectionPermit,
    address: Option<IpAddr>,
}

/// A place for one connection, whoever it is.
#[derive(Debug)]
pub struct ConnectionPermit(Arc<Gate>);

impl Gatekeeper {
    /// Nobody is inside yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Gate {
            counts: Mutex::new(Counts::none(limits)),
            most: limits.connections,
            most_unauthenticated: limits.unauthenticated,
            most_per_address: limits.unauthenticated_per_address,
        }))
    }

    /// A place for a connection from `address`; without one where a trusted proxy will tell it.
    ///
    /// # Errors
    /// There are as many already: in all, of strangers, or from this address. Or too many began lately.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<UnauthenticatedPermit, CloseReason> {
        self.admit_at(address, Instant::now())
    }

    fn admit_at(&self, address: Option<IpAddr>, now: Instant) -> Result<UnauthenticatedPermit, CloseReason> {
        let gate = &self.0;
        let mut counts = lock(&gate.counts);
        if counts.all >= gate.most {
            return Err(CloseReason::ProcessConnections);
        }
        if counts.unauthenticated >= gate.most_unauthenticated {
            return Err(CloseReason::Unauthenticated);
        }
        if let Some(address) = address {
            counts.handshakes.admits_from(address, now)?;
        }
        counts.handshakes.admits(now)?;
        if let Some(address) = address {
            take(&mut counts.by_address, counted(address), gate.most_per_address).ok_or(CloseReason::IpConnections)?;
            counts.handshakes.charge_from(address, now);
            // Behind a proxy a handshake begins when its address is told: one address would use up everybody's
            // otherwise.
            counts.handshakes.charge(now);
        }
        let address = address.map(counted);
        counts.all = counts.all.saturating_add(1);
        counts.unauthenticated = counts.unauthenticated.saturating_add(1);
        Ok(UnauthenticatedPermit { connection: ConnectionPermit(Arc::clone(gate)), address })
    }
}

impl UnauthenticatedPermit {
    /// Counts the connection for the address that a trusted proxy told.
    ///
    /// # Errors
    /// There are as many from this address already, or too many began lately.
    pub fn assign(&mut self, address: IpAddr) -> Result<(), CloseReason> {
        let now = Instant::now();
        let gate = &self.connection.0;
        let mut counts = lock(&gate.counts);
        counts.handshakes.admits_from(address, now)?;
        counts.handshakes.admits(now)?;
        take(&mut counts.by_address, counted(address), gate.most_per_address).ok_or(CloseReason::IpConnections)?;
        counts.handshakes.charge_from(address, now);
        counts.handshakes.charge(now);
        let address = counted(address);
        if let Some(before) = self.address.replace(address) {
            give_back(&mut counts.by_address, &before);
        }
        Ok(())
    }

    /// The client is known: its connection counts no longer for its address and for strangers, only for the process.
    #[must_use]
    pub fn authenticated(self) -> ConnectionPermit {
        // Two places for a moment, so that nobody takes the one in between.
        let gate = Arc::clone(&self.connection.0);
        let mut counts = lock(&gate.counts);
        counts.all = counts.all.saturating_add(1);
        drop(counts);
        ConnectionPermit(gate)
    }
}

impl Drop for UnauthenticatedPermit {
    fn drop(&mut self) {
        let mut counts = lock(&self.connection.0.counts);
        counts.unauthenticated = counts.unauthenticated.saturating_sub(1);
        if let Some(address) = &self.address {
            give_back(&mut counts.by_address, address);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = lock(&self.0.counts);
        counts.all = counts.all.saturating_sub(1);
    }
}

impl Counts {
    fn none(limits: &Limits) -> Self {
        Self { all: 0, unauthenticated: 0, by_address: HashMap::new(), handshakes: Handshakes::new(limits) }
    }
}

/// One machine has one IPv4 address, but a whole /64 of IPv6.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HandshakeRate;
    use crate::snapshot::fixture::Fixture;

    fn gatekeeper(connections: usize, unauthenticated: usize, unauthenticated_per_address: usize) -> Gatekeeper {
        gatekeeper_within(connections, unauthenticated, unauthenticated_per_address, 1_000)
    }

    fn gatekeeper_within(
        connections: usize,
        unauthenticated: usize,
        unauthenticated_per_address: usize,
        handshakes: u32,
    ) -> Gatekeeper {
        let rate = HandshakeRate { per_second: 1, burst: handshakes };
        let limits = Limits {
            connections,
            unauthenticated,
            unauthenticated_per_address,
            handshakes: rate,
            handshakes_per_address: rate,
            ..Fixture::new().snapshot().config.limits
        };
        Gatekeeper::new(&limits)
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// The counts of everything are back where they began.
    fn is_empty(gatekeeper: &Gatekeeper) -> bool {
        let counts = lock(&gatekeeper.0.counts);
        counts.all == 0 && counts.unauthenticated == 0 && counts.by_address.is_empty()
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let gate = gatekeeper(10, 10, 2);
        let held: Vec<_> = (0..2).map(|_| gate.admit(ip("192.0.2.1")).unwrap()).collect();
        assert_eq!(gate.admit(ip("192.0.2.1")).unwrap_err(), CloseReason::IpConnections);
        let in_v6 = gate.admit(ip("::ffff:192.0.2.1"));
        assert_eq!(in_v6.unwrap_err(), CloseReason::IpConnections, "the same address in another form");
        gate.admit(ip("192.0.2.2")).unwrap();
        drop(held);
        gate.admit(ip("192.0.2.1")).unwrap();
        assert!(is_empty(&gate));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let gate = gatekeeper(10, 10, 1);
        let _held = gate.admit(ip("2001:db8::1")).unwrap();
        assert!(gate.admit(ip("2001:db8::2:3")).is_err());
        assert!(gate.admit(ip("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn all_strangers_together_have_an_end() {
        let gate = gatekeeper(10, 2, 9);
        let _one = gate.admit(ip("192.0.2.1")).unwrap();
        let _two = gate.admit(None).unwrap();
        assert_eq!(gate.admit(ip("192.0.2.3")).unwrap_err(), CloseReason::Unauthenticated);
    }

    #[test]
    fn who_is_known_counts_for_the_process_alone() {
        let gate = gatekeeper(2, 1, 1);
        let known = gate.admit(ip("192.0.2.1")).unwrap().authenticated();
        let also = gate.admit(ip("192.0.2.1")).unwrap().authenticated();
        assert_eq!(gate.admit(ip("192.0.2.1")).unwrap_err(), CloseReason::ProcessConnections);
        drop(known);
        assert!(gate.admit(ip("192.0.2.1")).is_ok());
        drop(also);
        assert!(is_empty(&gate));
    }

    #[test]
    fn hostile_q1_what_another_limit_refuses_is_no_handshake() {
        let gate = gatekeeper_within(10, 10, 1, 2);
        let held = gate.admit(ip("192.0.2.1")).unwrap();
        (0..9).for_each(|_| assert_eq!(gate.admit(ip("192.0.2.1")).unwrap_err(), CloseReason::IpConnections));
        drop(held);
        gate.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(gate.admit(ip("192.0.2.1")).unwrap_err(), CloseReason::IpRate);
        assert_eq!(gate.admit(ip("192.0.2.2")).unwrap_err(), CloseReason::ShedHandshake);
        assert!(is_empty(&gate));
    }

    #[test]
    fn behind_a_proxy_the_clients_address_counts() {
        let gate = gatekeeper(10, 10, 1);
        let mut first = gate.admit(None).unwrap();
        let mut second = gate.admit(None).unwrap();
        first.assign("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(second.assign("192.0.2.1".parse().unwrap()).unwrap_err(), CloseReason::IpConnections);
        drop(first);
        second.assign("192.0.2.1".parse().unwrap()).unwrap();
        drop(second);
        assert!(is_empty(&gate));
    }

    #[test]
    fn hostile_q1_one_address_behind_a_proxy_does_not_use_up_everybodys_handshakes() {
        let slow = |burst| HandshakeRate { per_second: 1, burst };
        let limits = Fixture::new().snapshot().config.limits;
        let gate = Gatekeeper::new(&Limits { handshakes: slow(5), handshakes_per_address: slow(2), ..limits });
        let begins = |address: &str| gate.admit(None).and_then(|mut permit| permit.assign(address.parse().unwrap()));
        let told: Vec<_> = (0..9).map(|_| begins("192.0.2.1").err()).collect();
        assert!(told[..2].iter().all(Option::is_none));
        assert!(told[2..].iter().all(|reason| *reason == Some(CloseReason::IpRate)), "{told:?}");
        (2..5).for_each(|last| assert_eq!(begins(&format!("192.0.2.{last}")), Ok(())));
        assert_eq!(begins("192.0.2.9"), Err(CloseReason::ShedHandshake), "all together have an end");
        assert!(is_empty(&gate));
    }
}
