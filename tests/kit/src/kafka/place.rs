//! The addresses of one cluster: 127.66.N.1, 127.66.N.2... with the same ports on each.
//!
//! Linux has all of 127.0.0.0/8 on loopback, so this needs no set-up. N is claimed by holding a port on 127.66.N.254
//! for as long as the cluster lives, so two test processes never share one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Below the range that the kernel gives to outgoing connections, so a port is free again after a kill.
const PORTS: [u16; 4] = [19092, 21092, 23092, 25092];
const CLAIM: u8 = 254;
/// A long way to broker 1 begins at address 101, and so on.
const BEGINS: i32 = 100;

/// A claimed range of addresses.
#[derive(Debug)]
pub(super) struct Place {
    view: PlaceView,
    _claim: TcpListener,
}

/// The addresses without the claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceView {
    net: u8,
    port: u16,
}

impl Place {
    pub(super) fn claim() -> Self {
        let first = std::process::id();
        for step in 0..250 {
            let net = u8::try_from((first + step) % 250 + 1).expect("below 251");
            for port in PORTS {
                if let Some(place) = Self::try_claim(PlaceView { net, port }) {
                    return place;
                }
            }
        }
        panic!("no loopback address 127.66.N.1 has ports {PORTS:?} and the three after them free");
    }

    pub(super) fn view(&self) -> PlaceView {
        self.view
    }

    fn try_claim(view: PlaceView) -> Option<Self> {
        let claim = TcpListener::bind((Ipv4Addr::new(127, 66, view.net, CLAIM), view.port)).ok()?;
        let free = (1..=9).all(|id| (0..4).all(|step| TcpListener::bind((view.ip(id), view.port + step)).is_ok()));
        free.then_some(Self { view, _claim: claim })
    }
}

impl std::ops::Deref for Place {
    type Target = PlaceView;

    fn deref(&self) -> &PlaceView {
        &self.view
    }
}

impl PlaceView {
    pub(super) fn ip(&self, id: i32) -> Ipv4Addr {
        Ipv4Addr::new(127, 66, self.net, u8::try_from(id).expect("a test cluster has few brokers"))
    }

    /// What all its addresses begin with.
    pub(super) fn prefix(&self) -> String {
        format!("127.66.{}.", self.net)
    }

    pub(super) fn plaintext(&self, id: i32) -> String {
        format!("{}:{}", self.ip(id), self.port)
    }

    pub(super) fn ssl(&self, id: i32) -> String {
        format!("{}:{}", self.ip(id), self.port + 1)
    }

    pub(super) fn controller(&self, id: i32) -> String {
        format!("{}:{}", self.ip(id), self.port + 2)
    }

    /// Where a listener is that is reached by a long way only.
    pub(super) fn far(&self, id: i32) -> SocketAddr {
        (self.ip(id), self.port + 3).into()
    }

    /// Where that way begins: what the listener says of itself.
    pub(super) fn way_to_far(&self, id: i32) -> SocketAddr {
        (self.ip(id + BEGINS), self.port + 3).into()
    }

    pub(super) fn rack(&self, id: i32) -> String {
        format!("rack-planted-{id}")
    }
}
