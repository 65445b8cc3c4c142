//! Which versions of which APIs a whole cluster serves.
//!
//! Must never: offer a version that one of the brokers does not serve (trap C44).

use std::collections::HashMap;

use weir_kafka::cluster::VersionRange;

/// Versions by API key.
pub(crate) type Ranges = HashMap<i16, VersionRange>;

/// The key of Metadata.
pub(super) const METADATA: i16 = 3;
/// The one version of ApiVersions that every broker answers: a newer one may be answered with error 35 in the form of
/// version 0, whatever was asked for (trap C11), and nothing that only a newer one tells is needed.
pub(super) const API_VERSIONS_ASKED: i16 = 0;
/// From this version of Metadata on, asking for a topic by name can be kept from creating it.
pub(crate) const METADATA_BY_NAME: i16 = 4;
/// Before this version of Metadata the answer does not tell the cluster's id.
const METADATA_MIN: i16 = 2;
const METADATA_MAX: i16 = 12;

/// What every broker serves, no higher than the caps. An API that one broker lacks is left out.
pub(super) fn served_by_all<'a>(brokers: impl IntoIterator<Item = &'a Ranges>, caps: &HashMap<i16, i16>) -> Ranges {
    let mut brokers = brokers.into_iter();
    let Some(mut common) = brokers.next().cloned() else { return Ranges::new() };
    for broker in brokers {
        common =
            common.into_iter().filter_map(|(key, range)| Some((key, range.intersect(*broker.get(&key)?)?))).collect();
    }
    common.into_iter().filter_map(|(key, range)| Some((key, capped(key, range, caps)?))).collect()
}

/// The highest Metadata version that Weir and a broker share and that tells all that Weir needs.
pub(super) fn metadata_version(broker: &Ranges, caps: &HashMap<i16, i16>) -> Option<i16> {
    let range = capped(METADATA, *broker.get(&METADATA)?, caps)?;
    Some(range.intersect(VersionRange { min: METADATA_MIN, max: METADATA_MAX })?.max)
}

fn capped(key: i16, range: VersionRange, caps: &HashMap<i16, i16>) -> Option<VersionRange> {
    let cap = caps.get(&key).copied().unwrap_or(i16::MAX);
    range.intersect(VersionRange { min: 0, max: cap })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges<const N: usize>(of: [(i16, i16, i16); N]) -> Ranges {
        of.into_iter().map(|(key, min, max)| (key, VersionRange { min, max })).collect()
    }

    #[test]
    fn trap_c44_only_what_every_broker_serves_is_offered() {
        let old = ranges([(1, 0, 12), (3, 0, 9), (11, 0, 5), (60, 0, 0)]);
        let new = ranges([(1, 4, 17), (3, 0, 12), (11, 2, 9)]);
        assert_eq!(served_by_all([&old, &new], &HashMap::new()), ranges([(1, 4, 12), (3, 0, 9), (11, 2, 5)]));
    }

    #[test]
    fn ranges_that_do_not_meet_leave_the_api_out() {
        let old = ranges([(1, 0, 3)]);
        let new = ranges([(1, 4, 17)]);
        assert_eq!(served_by_all([&old, &new], &HashMap::new()), Ranges::new());
        assert_eq!(served_by_all([], &HashMap::new()), Ranges::new());
    }

    #[test]
    fn a_cap_lowers_and_can_remove() {
        let broker = ranges([(11, 0, 6), (14, 2, 4)]);
        assert_eq!(served_by_all([&broker], &HashMap::from([(11, 5), (14, 1)])), ranges([(11, 0, 5)]));
    }

    #[test]
    fn metadata_is_asked_at_the_highest_version_that_both_speak() {
        let none = HashMap::new();
        assert_eq!(metadata_version(&ranges([(3, 0, 13)]), &none), Some(12));
        assert_eq!(metadata_version(&ranges([(3, 0, 5)]), &none), Some(5));
        assert_eq!(metadata_version(&ranges([(3, 0, 12)]), &HashMap::from([(3, 9)])), Some(9));
        assert_eq!(metadata_version(&ranges([(3, 0, 1)]), &none), None);
        assert_eq!(metadata_version(&ranges([(3, 13, 20)]), &none), None);
        assert_eq!(metadata_version(&ranges([]), &none), None);
    }
}
