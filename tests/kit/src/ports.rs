//! Blocks of free ports on loopback, claimed across test processes for as long as they are held.

use std::net::{Ipv4Addr, TcpListener};

/// How many ports a block has.
pub const SIZE: u16 = 20;
/// Below the range that the kernel gives to outgoing connections.
const FIRST: u16 = 10_240;
const BLOCKS: u32 = 1_000;
/// The claim is a listener on an address that nothing else uses.
const CLAIM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 200);

/// Ports `first..first + SIZE`, free on 127.0.0.1 and 127.0.0.2 when they were claimed.
#[derive(Debug)]
pub struct Block {
    /// The first port.
    pub first: u16,
    _claim: TcpListener,
}

impl Block {
    /// Claims a block.
    ///
    /// # Panics
    /// When there is none.
    pub fn claim() -> Self {
        let start = std::process::id().wrapping_mul(37);
        (0..BLOCKS)
            .find_map(|step| Self::try_claim(start.wrapping_add(step) % BLOCKS))
            .expect("a block of ports is free")
    }

    fn try_claim(number: u32) -> Option<Self> {
        let first = FIRST + SIZE * u16::try_from(number).ok()?;
        let claim = TcpListener::bind((CLAIM, first)).ok()?;
        let free = |address: [u8; 4], port: u16| TcpListener::bind((Ipv4Addr::from(address), port)).is_ok();
        let all = (first..first + SIZE).all(|port| free([127, 0, 0, 1], port) && free([127, 0, 0, 2], port));
        all.then_some(Self { first, _claim: claim })
    }
}
