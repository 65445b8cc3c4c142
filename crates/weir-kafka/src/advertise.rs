//! Which address a client is shown for each broker, and which broker it means when it comes back.
//!
//! Must never: show a real address. A broker for which there is no address is hidden, never shown as it is.

use std::ops::RangeInclusive;

use crate::cluster::{RealBrokerId, ShownBrokerId};

/// What a client is told of one broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownAddress {
    /// The broker's id, as clients see it.
    pub id: ShownBrokerId,
    /// The host that a client dials.
    pub host: String,
    /// The port that a client dials.
    pub port: u16,
}

/// The broker that a connection believes it talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The bootstrap address: any reachable broker, chosen at first need and kept for the connection.
    Bootstrap,
    /// One broker.
    Broker(RealBrokerId),
}

/// How one listener shows the brokers of its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvertisedNodes {
    /// One port; the broker is in the TLS server name: `b{id}.host`, and `host` alone is the bootstrap.
    Sni {
        /// The bootstrap host name.
        host: String,
        /// The one port.
        port: u16,
    },
    /// A port per broker: `base_port + id` for each id of the range; the bootstrap has a port of its own.
    Ports {
        /// The host name that is shown for every broker.
        host: String,
        /// The bootstrap port.
        bootstrap_port: u16,
        /// The port that stands for broker 0.
        base_port: u16,
        /// The ids that have a port. A broker outside is hidden.
        ids: RangeInclusive<i32>,
    },
}

impl AdvertisedNodes {
    /// Whether a broker has a shown address.
    #[must_use]
    pub fn shows(&self, broker: RealBrokerId) -> bool {
        match self {
            Self::Sni { .. } => broker.0 >= 0,
            Self::Ports { base_port, ids, .. } => ids.contains(&broker.0) && port_of(*base_port, broker).is_some(),
        }
    }

    /// The address shown for a broker, or nothing where it has none and must stay hidden.
    #[must_use]
    pub fn shown(&self, broker: RealBrokerId) -> Option<ShownAddress> {
        if !self.shows(broker) {
            return None;
        }
        let id = broker.shown();
        match self {
            Self::Sni { host, port } => Some(ShownAddress { id, host: format!("b{}.{host}", id.0), port: *port }),
            Self::Ports { host, base_port, .. } => {
                Some(ShownAddress { id, host: host.clone(), port: port_of(*base_port, broker)? })
            }
        }
    }

    /// The target that a TLS server name stands for: names are compared without case, a trailing dot is no match.
    #[must_use]
    pub fn target_of_server_name(&self, name: &str) -> Option<Target> {
        let Self::Sni { host, .. } = self else { return None };
        if name.eq_ignore_ascii_case(host) {
            return Some(Target::Bootstrap);
        }
        let (label, rest) = name.split_once('.')?;
        if !rest.eq_ignore_ascii_case(host) {
            return None;
        }
        let digits = label.strip_prefix(['b', 'B'])?;
        let canonical = digits == "0" || !digits.starts_with('0');
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (canonical && all_digits).then(|| digits.parse().ok().map(|id| Target::Broker(ShownBrokerId(id).real())))?
    }

    /// The target that a listening port stands for.
    #[must_use]
    pub fn target_of_port(&self, local_port: u16) -> Option<Target> {
        let Self::Ports { bootstrap_port, base_port, ids, .. } = self else { return None };
        if local_port == *bootstrap_port {
            return Some(Target::Bootstrap);
        }
        let id = i32::from(local_port).checked_sub(i32::from(*base_port))?;
        ids.contains(&id).then_some(Target::Broker(ShownBrokerId(id).real()))
    }
}

fn port_of(base_port: u16, broker: RealBrokerId) -> Option<u16> {
    u16::try_from(i32::from(base_port).checked_add(broker.shown().0)?).ok()
}
