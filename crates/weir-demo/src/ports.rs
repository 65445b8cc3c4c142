//! Free ports on loopback: one for the bootstrap, one for each broker, one for the admin address.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::cluster::BROKER_IDS;
use crate::failure::Failure;

/// Where the search begins, so that a demo on a quiet machine always has the same address.
const FIRST: u16 = 19_092;
const STEP: u16 = 100;
const TRIES: u16 = 100;
const BROKERS: u16 = BROKER_IDS.len() as u16;

/// A run of ports. Clients see `bootstrap` and `bootstrap + broker id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub bootstrap: u16,
}

/// Ports that no other demo takes while this value lives. They are not bound: Weir binds them.
#[derive(Debug)]
pub struct Reserved {
    pub ports: Ports,
    /// The port after the run, held for as long as the run is.
    _held: TcpListener,
}

impl Ports {
    /// Reserves the first run of ports that is free now.
    pub fn reserve() -> Result<Reserved, Failure> {
        (0..TRIES)
            .map(|number| Ports { bootstrap: FIRST + STEP * number })
            .find_map(Ports::reserved)
            .ok_or_else(|| Failure::new(format!("no free ports on 127.0.0.1 from {FIRST} on: end what holds them")))
    }

    /// Where `/readyz` is.
    pub fn admin(self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.bootstrap + BROKERS + 1))
    }

    /// Every port that a client may be told of.
    pub fn shown(self) -> impl Iterator<Item = u16> {
        self.bootstrap..=self.bootstrap + BROKERS
    }

    fn reserved(self) -> Option<Reserved> {
        let held = bind(self.admin().port() + 1)?;
        let free = self.shown().chain([self.admin().port()]).all(|port| bind(port).is_some());
        free.then_some(Reserved { ports: self, _held: held })
    }
}

fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_demos_never_get_the_same_ports() {
        let first = Ports::reserve().unwrap();
        let second = Ports::reserve().unwrap();
        assert_ne!(first.ports, second.ports);
    }

    #[test]
    fn a_port_in_use_moves_the_whole_run() {
        let free = Ports::reserve().unwrap().ports;
        let _held = bind(free.bootstrap + 2).unwrap();
        assert!(free.reserved().is_none());
    }
}
