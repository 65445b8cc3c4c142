//! The ledger against a simple model, under any order of charges, reloads, charges of another replica, and jumps of the
//! clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use weir_policy::{
    Account, Count, GroupChange, GroupNews, LONGEST_DEBT, Ledger, Limits, Meter, Mode, Rate, Reason, Taken,
};

use crate::small;

#[derive(Clone, Debug)]
enum Event {
    /// Something was done, here or at another replica.
    Charge(usize, u64),
    /// Something is to be done.
    Take(usize, u64),
    /// So many milliseconds pass, or the clock falls back.
    Clock(i64),
    /// Other limits are in force.
    Reload(usize, u64, u64, Mode),
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Observe), Just(Mode::Throttle), Just(Mode::Deny)]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let meter = 0..Meter::ALL.len();
    let event = prop_oneof![
        (meter.clone(), 0..400_u64).prop_map(|(meter, amount)| Event::Charge(meter, amount)),
        (meter.clone(), 0..400_u64).prop_map(|(meter, amount)| Event::Take(meter, amount)),
        (-2_000..20_000_i64).prop_map(Event::Clock),
        (meter, 1..6_000_u64, 0..300_u64, modes())
            .prop_map(|(meter, rate, burst, mode)| { Event::Reload(meter, rate, burst, mode) }),
    ];
    prop::collection::vec(event, 1..60)
}

fn set(limits: &mut Limits, meter: Meter, rate: Rate) {
    let place = match meter {
        Meter::Requests => &mut limits.requests,
        Meter::Denied => &mut limits.denied,
        Meter::BytesOut => &mut limits.bytes_out,
        Meter::CommitPartitions => &mut limits.commit_partitions,
        Meter::Joins => &mut limits.joins,
        Meter::TimestampLookups => &mut limits.timestamp_lookups,
        Meter::CatchUp => &mut limits.catch_up,
        Meter::Connects => &mut limits.connects,
    };
    *place = rate;
}

/// What is owed, by hand: a number that runs off with time and grows with charges.
#[derive(Clone, Copy, Default)]
struct Model {
    owed: f64,
    /// Until when it has run off; nothing before it was first looked at.
    at_ms: Option<i64>,
    charged: u64,
}

impl Model {
    fn run_off(&mut self, rate: Rate, now_ms: i64) {
        let since = *self.at_ms.get_or_insert(now_ms);
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let gone = (now_ms - since).max(0) as f64 * rate.per_minute as f64 / 60_000.0;
        self.owed = (self.owed - gone).max(0.0);
        self.at_ms = Some(since.max(now_ms));
    }

    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn debt_secs(&self, rate: Rate, more: u64) -> f64 {
        (self.owed + more as f64 - rate.burst as f64).max(0.0) / rate.per_minute as f64 * 60.0
    }
}

fn instant(start: Instant, ms: i64) -> Instant {
    let by = Duration::from_millis(ms.unsigned_abs());
    if ms >= 0 { start + by } else { start - by }
}

proptest! {
    #![proptest_config(small::cases(300))]

    #[test]
    fn w12_what_is_owed_is_what_was_charged_and_has_not_run_off(events in events()) {
        // Far enough from the machine's start that the clock can fall back.
        let start = Instant::now() + Duration::from_secs(100_000);
        let (account, mut limits) = (Account::default(), Limits::default());
        let mut models = [Model::default(); Meter::ALL.len()];
        let mut now_ms = 0_i64;
        for event in events {
            let now = instant(start, now_ms);
            match event {
                Event::Clock(by) => now_ms += by,
                Event::Reload(meter, per_minute, burst, mode) => {
                    // What ran off until now did so at the old rate.
                    let (meter, model) = (Meter::ALL[meter], &mut models[meter]);
                    account.charge(meter, 0, &limits, now);
                    model.run_off(meter.rate(&limits), now_ms);
                    set(&mut limits, meter, Rate { per_minute, burst, mode });
                }
                Event::Charge(meter, amount) => {
                    let (meter, model) = (Meter::ALL[meter], &mut models[meter]);
                    account.charge(meter, amount, &limits, now);
                    model.run_off(meter.rate(&limits), now_ms);
                    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                    { model.owed += amount as f64; }
                    model.charged += amount;
                }
                Event::Take(meter, amount) => {
                    let (meter, model) = (Meter::ALL[meter], &mut models[meter]);
                    let rate = meter.rate(&limits);
                    model.run_off(rate, now_ms);
                    let debt = model.debt_secs(rate, amount);
                    let taken = account.take(meter, amount, &limits, now);
                    let near = (debt - LONGEST_DEBT.as_secs_f64()).abs() < 0.001 || (debt > 0.0 && debt < 0.001);
                    let expected = match rate.mode {
                        Mode::Observe => "fine",
                        _ if debt <= 0.0 => "fine",
                        Mode::Throttle if debt <= LONGEST_DEBT.as_secs_f64() => "owed",
                        Mode::Throttle | Mode::Deny => "refused",
                    };
                    let got = match taken {
                        Taken::Fine => "fine",
                        Taken::Owed(_) => "owed",
                        Taken::Refused => "refused",
                    };
                    prop_assert!(near || got == expected, "{meter:?}: {got}, not {expected}: {debt}");
                    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                    if taken != Taken::Refused {
                        model.owed += amount as f64;
                        model.charged += amount;
                    }
                }
            }
            for (meter, model) in Meter::ALL.iter().zip(&models) {
                prop_assert_eq!(account.charged(*meter), model.charged);
                // Asked at the instant until which it has run off: that changes nothing.
                let Some(at) = model.at_ms else { continue };
                let owed = account.owed(*meter, &limits, instant(start, at));
                #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                let off = (owed as f64 - model.owed).abs();
                prop_assert!(off <= 1.01, "{meter:?}: {owed} is owed, not {}", model.owed);
            }
        }
    }
}

#[test]
fn an_ordinary_reader_is_never_made_to_wait() {
    // Two consumers of 26 topics that commit every five seconds, for an hour, in the smallest tier.
    let (account, limits, start) = (Account::default(), Limits::default(), Instant::now());
    for round in 0..720 {
        let now = start + Duration::from_secs(5 * round);
        for _ in 0..2 {
            assert_eq!(account.take(Meter::CommitPartitions, 26, &limits, now), Taken::Fine);
        }
    }
}

#[test]
fn who_commits_a_thousand_times_a_second_gets_the_rate_and_no_more() {
    let (account, limits, start) = (Account::default(), Limits::default(), Instant::now());
    let mut forwarded = 0_u64;
    for millisecond in 0..60_000 {
        let now = start + Duration::from_millis(millisecond);
        if account.take(Meter::CommitPartitions, 1, &limits, now) != Taken::Refused {
            forwarded += 1;
        }
    }
    // A minute of 20/s, the burst, and what may be owed at the end.
    assert!((1_400..=1_600).contains(&forwarded), "{forwarded}");
}

#[test]
fn a_new_rate_applies_to_what_is_owed() {
    let (account, mut limits, now) = (Account::default(), Limits::default(), Instant::now());
    limits.bytes_out = Rate::per_second(100, 0);
    account.charge(Meter::BytesOut, 1_000, &limits, now);
    assert_eq!(account.debt(Meter::BytesOut, &limits, now), Duration::from_secs(10));
    limits.bytes_out = Rate::per_second(1_000, 0);
    assert_eq!(account.debt(Meter::BytesOut, &limits, now), Duration::from_secs(1));
    limits.bytes_out.mode = Mode::Observe;
    assert_eq!(account.debt(Meter::BytesOut, &limits, now), Duration::ZERO);
}

#[test]
fn a_replica_has_its_share_of_a_rate_and_all_of_a_count() {
    let share = Limits::default().of_one_in(3.try_into().unwrap());
    assert_eq!((share.commit_partitions.per_minute, share.commit_partitions.burst), (400, 67));
    assert_eq!(share.groups, Limits::default().groups);
}

#[test]
fn until_groups_are_counted_nothing_new_is_made() {
    let (account, limits, now) = (Account::default(), Limits::default(), Instant::now());
    assert_eq!(account.admit_group("g", &limits, now), Err(Reason::QuotaNotCounted));
    account.know_groups(["g"].into_iter(), now);
    assert_eq!(account.admit_group("g", &limits, now), Ok(()));
    assert_eq!(account.admit_group("new", &limits, now), Ok(()));
}

#[test]
fn what_was_made_and_deleted_is_told_once_and_what_was_there_is_no_news() {
    let (account, limits, now) = (Account::default(), Limits::default(), Instant::now());
    account.know_groups(["there"].into_iter(), now);
    for group in ["there", "made", "made"] {
        assert_eq!(account.admit_group(group, &limits, now), Ok(()));
    }
    ["made", "there", "nowhere"].into_iter().for_each(|group| account.group_is_gone(group));
    let (made, deleted) = (GroupChange::Made, GroupChange::Deleted);
    let expected = [(made, "made"), (deleted, "made"), (deleted, "there")].map(|(change, name)| (change, name.into()));
    assert_eq!(account.take_group_news().changes, expected);
    assert_eq!(account.take_group_news(), GroupNews::default());
}

#[test]
fn a_group_that_ends_frees_its_place() {
    let (account, now) = (Account::default(), Instant::now());
    let limits = Limits { groups: Count::of(2), ..Limits::default() };
    account.know_groups([].into_iter(), now);
    for group in ["a", "b", "a"] {
        assert_eq!(account.admit_group(group, &limits, now), Ok(()));
    }
    assert_eq!(account.admit_group("c", &limits, now), Err(Reason::QuotaGroups));
    account.group_is_gone("a");
    assert_eq!(account.admit_group("c", &limits, now), Ok(()));
    // The brokers were asked before it was used: that they did not tell of it means nothing.
    account.group_was_used("c", now + Duration::from_secs(2));
    account.know_groups(["b"].into_iter(), now + Duration::from_secs(1));
    assert_eq!(account.holds().0, 2);
    account.know_groups(["b"].into_iter(), now + Duration::from_secs(3));
    assert_eq!(account.holds().0, 1);
}

proptest! {
    #![proptest_config(small::cases(200))]

    #[test]
    fn what_has_an_offset_may_be_committed_again_and_only_what_is_new_is_refused(
        commits in prop::collection::vec((0..3_usize, prop::collection::vec((0..3_usize, 0..6_i32), 0..8)), 1..40),
        most in 1..20_u32,
    ) {
        let (account, now) = (Account::default(), Instant::now());
        let limits = Limits { committed_partitions: Count::of(most), ..Limits::default() };
        account.know_groups([].into_iter(), now);
        let (groups, topics) = (["g0", "g1", "g2"], ["t0", "t1", "t2"]);
        let mut known: BTreeMap<usize, BTreeSet<(usize, i32)>> = BTreeMap::new();
        for (group, partitions) in commits {
            let mut refused = BTreeSet::new();
            let asked = partitions.iter().map(|(topic, partition)| (topics[*topic], *partition));
            account.admit_commit(groups[group], asked, &limits, now, |place, _| { refused.insert(place); }).unwrap();
            for (place, key) in partitions.iter().enumerate() {
                let all: usize = known.values().map(BTreeSet::len).sum();
                let is_known = known.get(&group).is_some_and(|keys| keys.contains(key));
                let fits = is_known || all < usize::try_from(most).unwrap();
                prop_assert_eq!(refused.contains(&place), !fits);
                if fits { known.entry(group).or_default().insert(*key); }
            }
            let all: usize = known.values().map(BTreeSet::len).sum();
            prop_assert_eq!(account.holds().1, all);
        }
    }
}

#[test]
fn w12_an_account_outlives_reloads_and_goes_with_its_principal() {
    let (ledger, limits, now) = (Ledger::default(), Limits::default(), Instant::now());
    let held = ledger.account("a");
    held.charge(Meter::Requests, 7, &limits, now);
    ledger.account("b").charge(Meter::Requests, 9, &limits, now);
    ledger.retain(|_| false);
    assert_eq!(ledger.account("a").owed(Meter::Requests, &limits, now), 7, "a connection holds it");
    assert_eq!(ledger.account("b").owed(Meter::Requests, &limits, now), 0);
}
