//! Racks by public labels (KIP-392): the names that a data centre gives its own racks are told to nobody (trap L19).
//!
//! Must never: give out a rack that has no label, or name a rack to the brokers of which a client could not reach every
//! broker.

use std::collections::BTreeMap;

use crate::advertise::AdvertisedNodes;
use crate::cluster::RealBrokerId;

/// A rack as the brokers name it (`broker.rack`). Never leaves Weir.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RealRack(pub String);

/// The label by which clients know a rack: configured, and unique in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShownRack(pub String);

/// Which broker stands in which rack that has a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Racks {
    of_brokers: BTreeMap<RealBrokerId, (RealRack, ShownRack)>,
}

impl Racks {
    /// The racks of these brokers, as far as there are labels for them.
    #[must_use]
    pub fn new(labels: &BTreeMap<RealRack, ShownRack>, of_brokers: &BTreeMap<RealBrokerId, RealRack>) -> Self {
        let labelled = |(id, rack): (&RealBrokerId, &RealRack)| Some((*id, (rack.clone(), labels.get(rack)?.clone())));
        Self { of_brokers: of_brokers.iter().filter_map(labelled).collect() }
    }

    /// What clients are told of a broker's rack; nothing where it has none, or none with a label.
    #[must_use]
    pub fn shown(&self, broker: RealBrokerId) -> Option<&str> {
        self.of_brokers.get(&broker).map(|(_, label)| label.0.as_str())
    }

    /// The rack that a client means by a label; nothing where no broker stands there, or one that these nodes do not show:
    /// the answer could send the client to it, and bring no records (trap C27).
    #[must_use]
    pub fn real(&self, label: &str, nodes: &AdvertisedNodes) -> Option<&str> {
        let mut meant = None;
        for (broker, (rack, _)) in self.of_brokers.iter().filter(|(_, (_, shown))| shown.0 == label) {
            if !nodes.shows(*broker) {
                return None;
            }
            meant = Some(rack.0.as_str());
        }
        meant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn racks() -> Racks {
        let labels =
            [("dc1-r7", "a"), ("dc2-r1", "b")].map(|(real, shown)| (RealRack(real.into()), ShownRack(shown.into())));
        let of_brokers = [(1, "dc1-r7"), (2, "dc2-r1"), (3, "dc2-r1"), (4, "dc9-unlabelled")];
        let of_brokers = of_brokers.map(|(id, rack)| (RealBrokerId(id), RealRack(rack.into())));
        Racks::new(&BTreeMap::from(labels), &BTreeMap::from(of_brokers))
    }

    fn showing(last: i32) -> AdvertisedNodes {
        AdvertisedNodes::Ports { host: "k.example.org".into(), bootstrap_port: 9000, base_port: 9000, ids: 1..=last }
    }

    #[test]
    fn trap_l19_a_rack_is_known_by_its_label_or_not_at_all() {
        let racks = racks();
        let shown = [1, 2, 3, 4, 5].map(|id| racks.shown(RealBrokerId(id)));
        assert_eq!(shown, [Some("a"), Some("b"), Some("b"), None, None]);
        let real = ["a", "b", "dc1-r7", "dc9-unlabelled", ""].map(|label| racks.real(label, &showing(9)));
        assert_eq!(real, [Some("dc1-r7"), Some("dc2-r1"), None, None, None]);
    }

    #[test]
    fn trap_c27_a_rack_with_a_broker_that_is_not_shown_is_not_asked_for() {
        assert_eq!(racks().real("a", &showing(2)), Some("dc1-r7"));
        assert_eq!(racks().real("b", &showing(2)), None);
    }
}
