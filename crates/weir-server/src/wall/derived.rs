//! How much Weir may ever ask of one broker, from the limits of its principals: the brokers' own bounds are above it.
//!
//! Must never: come out below what an honest Weir does in its worst second.

use weir_policy::{Limits, Mode, Rate, Tier};

use super::Wall;
use super::users::User;

/// Kafka measures a quota over this many seconds (`quota.window.num` times `quota.window.size.seconds`, about).
const WINDOW: u64 = 10;
/// A debt that Weir allows, and another second of everything: twice the rate is never reached.
const ROOM: u64 = 2;
/// Connections of one Weir's own at one broker, and of commands that an operator runs beside it.
const OWN_CONNECTIONS: u64 = 16;
/// Of a broker's thread: a millisecond for a request, ten for a megabyte. Brokers take less.
const REQUESTS_PER_PERCENT: u64 = 10;
const BYTES_PER_PERCENT: u64 = 1_000_000;
/// What Weir asks for itself takes less than one thread.
const OWN_PERCENT: u64 = 100;

/// The bounds of one user at each broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Principals that come so.
    pub(super) principals: usize,
    /// Bytes of records in a second; nothing where Weir itself has no bound.
    pub(super) bytes: Option<u64>,
    /// Percent of one thread's time; nothing where Weir itself has no bound.
    pub(super) percent: Option<u64>,
}

impl Wall<'_> {
    /// Of what comes as this user, if all its principals, and one more of each tier, ask one broker for all that they may,
    /// at once.
    pub(super) fn bounds(&self, user: &User) -> Bounds {
        let own = if user.is_weir { OWN_PERCENT } else { 0 };
        let is_of_user = |tier: &Tier| user.tiers.contains(&tier.name);
        let bytes = self.together(self.limits(is_of_user).map(|limits| limits.bytes_out));
        let requests = self.together(self.limits(is_of_user).map(|limits| limits.requests));
        let percent = bytes.zip(requests).map(|(bytes, requests)| {
            let for_requests = requests.div_ceil(REQUESTS_PER_PERCENT);
            for_requests.saturating_add(bytes.div_ceil(BYTES_PER_PERCENT)).saturating_add(own)
        });
        let principals = self.policy.principals().filter(|principal| is_of_user(&principal.tier)).count();
        Bounds { principals, bytes, percent }
    }

    /// Connections to one broker from all Weirs. Twice: at a restart those of the process before may still be there.
    pub(super) fn connections(&self) -> u64 {
        let of_principals: u64 = self.limits(|_| true).map(|limits| u64::from(limits.connections)).sum();
        let most = u64::try_from(self.config.limits.connections).unwrap_or(u64::MAX);
        let of_one = of_principals.min(most).saturating_add(OWN_CONNECTIONS);
        of_one.saturating_mul(self.nodes()).saturating_mul(2)
    }

    /// One replica's limits of all principals of some tiers, and of one more of each of them: whoever is let in next is not
    /// held back until somebody renders again.
    fn limits(&self, is_wanted: impl Fn(&Tier) -> bool + Copy) -> impl Iterator<Item = &Limits> {
        let tiers = self.policy.tiers().filter(move |tier| is_wanted(tier)).map(|tier| &*tier.share);
        let principals = self.policy.principals().filter(move |principal| is_wanted(&principal.tier));
        principals.map(|principal| &*principal.limits).chain(tiers)
    }

    /// In a second, over all replicas: each gives its share of a rate. Nothing where one of them is only watched.
    fn together(&self, rates: impl Iterator<Item = Rate>) -> Option<u64> {
        let mut sum = 0_u64;
        for rate in rates {
            if rate.mode == Mode::Observe {
                return None;
            }
            let in_a_second = rate.per_minute.div_ceil(60).saturating_add(rate.burst.div_ceil(WINDOW));
            sum = sum.saturating_add(in_a_second.saturating_mul(self.nodes()));
        }
        Some(sum.saturating_mul(ROOM))
    }

    fn nodes(&self) -> u64 {
        u64::from(self.config.nodes.get())
    }
}
