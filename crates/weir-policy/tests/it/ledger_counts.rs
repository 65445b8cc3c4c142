//! Groups, their offsets and their members against simple models, under any order of requests, of what the brokers tell
//! (late, and with what other replicas left there), of restarts, reloads and jumps of the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use weir_policy::{Account, Count, Joiner, Ledger, Limited, Limits, Meter, Mode, Rate, Reason};

use crate::small;

const GROUPS: [&str; 3] = ["g0", "g1", "g2"];
const TOPICS: [&str; 2] = ["t0", "t1"];

type Key = (usize, i32);

#[derive(Clone, Debug)]
enum Event {
    Commit(usize, Vec<Key>),
    /// Another replica commits, or the brokers delete what is old: nobody tells.
    Elsewhere(usize, Vec<Key>),
    /// The brokers tell all that there is.
    Count,
    Delete(usize),
    Restart,
    Reload(u32, u32),
    Clock(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let keys = || prop::collection::vec((0..TOPICS.len(), 0..4_i32), 0..5);
    let group = || 0..GROUPS.len();
    let event = prop_oneof![
        6 => (group(), keys()).prop_map(|(group, keys)| Event::Commit(group, keys)),
        1 => (group(), keys()).prop_map(|(group, keys)| Event::Elsewhere(group, keys)),
        2 => Just(Event::Count),
        1 => group().prop_map(Event::Delete),
        1 => Just(Event::Restart),
        1 => (1..4_u32, 1..10_u32).prop_map(|(groups, keys)| Event::Reload(groups, keys)),
        1 => (-2_000..90_000_i64).prop_map(Event::Clock),
    ];
    prop::collection::vec(event, 1..60)
}

/// What the brokers have, and what of it is known here.
#[derive(Default)]
struct Model {
    brokers: BTreeMap<usize, BTreeSet<Key>>,
    known: Option<BTreeMap<usize, BTreeSet<Key>>>,
}

impl Model {
    fn held(&self) -> usize {
        self.known.iter().flat_map(BTreeMap::values).map(BTreeSet::len).sum()
    }
}

/// A commit of nobody's member: why each key is refused, or the whole.
fn expected(model: &mut Model, group: usize, keys: &[Key], limits: &Limits) -> Result<Vec<Option<Reason>>, Reason> {
    let most = usize::try_from(limits.committed_partitions.most).unwrap();
    let mut held = model.held();
    let Some(known) = &mut model.known else { return Err(Reason::QuotaNotCounted) };
    if !known.contains_key(&group) && known.len() >= usize::try_from(limits.groups.most).unwrap() {
        return Err(Reason::QuotaGroups);
    }
    let of_group = known.entry(group).or_default();
    let written = model.brokers.entry(group).or_default();
    let verdicts = keys.iter().map(|key| {
        if !of_group.contains(key) {
            if held >= most {
                return Some(Reason::QuotaCommitted);
            }
            held += 1;
            of_group.insert(*key);
        }
        written.insert(*key);
        None
    });
    Ok(verdicts.collect())
}

fn tell(account: &Account, model: &mut Model, asked: Instant) {
    account.know_groups(model.brokers.keys().map(|group| GROUPS[*group]), asked);
    for (group, keys) in &model.brokers {
        let keys = keys.iter().map(|(topic, partition)| (TOPICS[*topic], *partition));
        account.know_offsets(GROUPS[*group], keys, asked);
    }
    model.known = Some(model.brokers.clone());
}

proptest! {
    #![proptest_config(small::cases(300))]

    #[test]
    fn trap_q10_what_is_counted_is_what_the_brokers_have_whatever_happens_in_between(events in events()) {
        let start = Instant::now() + Duration::from_secs(100_000);
        let (mut account, mut model, mut ms, mut latest) = (Account::default(), Model::default(), 0_i64, 0_i64);
        let mut limits = Limits { groups: Count::of(2), committed_partitions: Count::of(6), ..Limits::default() };
        for event in events {
            // Every event has an instant of its own, but where the clock falls back.
            ms += 1;
            latest = latest.max(ms) + 1;
            let at = |ms: i64| start + Duration::from_millis(u64::try_from(ms).unwrap());
            let now = at(ms);
            match event {
                Event::Clock(by) => ms = (ms + by).max(0),
                Event::Reload(groups, keys) => {
                    limits = Limits { groups: Count::of(groups), committed_partitions: Count::of(keys), ..limits };
                }
                Event::Restart => (account, model.known) = (Account::default(), None),
                Event::Delete(group) => {
                    account.group_is_gone(GROUPS[group]);
                    model.brokers.remove(&group);
                    model.known.iter_mut().for_each(|known| drop(known.remove(&group)));
                }
                Event::Elsewhere(group, keys) => {
                    model.brokers.insert(group, keys.into_iter().collect());
                }
                Event::Count => {
                    // Later than all that was done, also before the clock fell back: else what was done then would stay
                    // until the next count, to be on the safe side.
                    tell(&account, &mut model, at(latest));
                }
                Event::Commit(group, keys) => {
                    let mut refused = BTreeMap::new();
                    let asked = keys.iter().map(|(topic, partition)| (TOPICS[*topic], *partition));
                    let done = account
                        .admit_commit(GROUPS[group], asked, &limits, now, |place, reason| { refused.insert(place, reason); });
                    match expected(&mut model, group, &keys, &limits) {
                        Err(reason) => prop_assert_eq!(done, Err(reason)),
                        Ok(verdicts) => {
                            prop_assert_eq!(done, Ok(()));
                            for (place, verdict) in verdicts.iter().enumerate() {
                                prop_assert_eq!(refused.get(&place), verdict.as_ref());
                            }
                        }
                    }
                }
            }
            let known = model.known.as_ref().map_or(0, BTreeMap::len);
            prop_assert_eq!(account.holds(), (known, model.held()));
        }
    }
}

#[derive(Clone, Debug)]
enum Knock {
    /// A member asks for a place, with an id that the brokers gave it or one of its own.
    Join(u8, bool),
    /// It dies, and the brokers take it out; nobody tells.
    Dies(u8),
    /// The brokers are asked if somebody wants that.
    Count,
    Clock(u64),
}

fn knocks() -> impl Strategy<Value = Vec<Knock>> {
    let knock = prop_oneof![
        6 => (0..8_u8, any::<bool>()).prop_map(|(member, given)| Knock::Join(member, given)),
        2 => (0..8_u8).prop_map(Knock::Dies),
        3 => Just(Knock::Count),
        1 => (0..10_000_u64).prop_map(Knock::Clock),
    ];
    prop::collection::vec(knock, 1..80)
}

proptest! {
    #![proptest_config(small::cases(300))]

    #[test]
    fn hostile_q11_no_group_has_more_members_than_it_may_and_nobody_is_refused_for_good_while_there_is_room(
        knocks in knocks(), most in 1..5_usize,
    ) {
        let (account, mut now) = (Account::default(), Instant::now());
        let limits = Limits { group_members: Count::of(u32::try_from(most).unwrap()), ..Limits::default() };
        account.know_groups(std::iter::empty(), now);
        // Those that the brokers have, and those that they had when the places were counted last.
        let (mut there, mut dead) = (BTreeSet::new(), BTreeSet::new());
        for knock in knocks {
            now += Duration::from_millis(1);
            match knock {
                Knock::Clock(ms) => now += Duration::from_millis(ms),
                Knock::Dies(member) => if there.remove(&member) { dead.insert(member); },
                Knock::Count => if account.take_wishes(now).members.contains("g") {
                    let names: Vec<_> = there.iter().map(ToString::to_string).collect();
                    account.know_members("g", names.iter().map(|name| (name.as_str(), None)), now);
                    dead.clear();
                },
                Knock::Join(member, id_is_given) => {
                    let id = member.to_string();
                    let joiner = Joiner { id: Some(&id), id_is_given, ..Joiner::default() };
                    match account.admit_member("g", joiner, &limits, now) {
                        Ok(()) => { there.insert(member); }
                        Err(Reason::QuotaMembers) => {
                            prop_assert!(!there.contains(&member), "a member is turned away");
                            prop_assert!(there.len() + dead.len() >= most, "there was room when the brokers were asked");
                        }
                        Err(reason) => {
                            prop_assert_eq!(reason, Reason::QuotaBeingCounted);
                            prop_assert!(!there.contains(&member));
                        }
                    }
                }
            }
            // Who died and came back before it was noticed has its own place: the brokers had it.
            prop_assert!(there.len() <= most, "{there:?}");
        }
    }
}

/// One member after the other comes and goes, and another always waits: the brokers know only who is there.
#[test]
fn hostile_q11_who_joins_a_full_group_in_a_loop_has_the_brokers_asked_once_a_second() {
    let (account, start) = (Account::default(), Instant::now());
    let limits = Limits { group_members: Count::of(1), ..Limits::default() };
    account.know_groups(std::iter::empty(), start);
    let (mut rounds, mut let_in) = (0, 0);
    for step in 0..100_u64 {
        let now = start + Duration::from_millis(step * 100);
        let id = step.to_string();
        let joiner = Joiner { id: Some(&id), id_is_given: true, ..Joiner::default() };
        let_in += usize::from(account.admit_member("g", joiner, &limits, now).is_ok());
        let wishes = account.take_wishes(now);
        if wishes.members.contains("g") {
            rounds += 1;
            let asked = now.checked_sub(Duration::from_secs(2)).unwrap();
            account.know_members("g", std::iter::empty(), asked);
        } else {
            assert_eq!(wishes.are_more_later, account.take_wishes(now).are_more_later, "a wish is not lost");
        }
    }
    assert!((3..=10).contains(&rounds), "{rounds} rounds in 10 s");
    assert!(let_in >= 3, "{let_in} were let in: each place is free again within seconds");
}

#[test]
fn who_is_given_an_id_later_is_counted_once() {
    let (account, now) = (Account::default(), Instant::now());
    let limits = Limits { group_members: Count::of(2), ..Limits::default() };
    account.know_groups(std::iter::empty(), now);
    let join = |joiner| account.admit_member("g", joiner, &limits, now);
    let named = |id| Joiner { id: Some(id), id_is_given: true, ..Joiner::default() };
    // An old client is a member at once, and tells its id at the next rebalance.
    assert_eq!([join(Joiner::default()), join(named("m1")), join(named("m1"))], [Ok(()); 3]);
    assert_eq!(join(Joiner { asks_again: true, ..Joiner::default() }), Ok(()), "asking takes no place");
    assert_eq!([join(named("m2")), join(named("m3"))], [Ok(()), Err(Reason::QuotaBeingCounted)]);
}

#[test]
fn what_was_beyond_is_counted_by_limit_and_mode_of_all_principals() {
    let (ledger, now) = (Ledger::default(), Instant::now());
    let rate = |mode| Rate { per_minute: 60, burst: 10, mode };
    let limits = Limits {
        joins: rate(Mode::Observe),
        commit_partitions: rate(Mode::Deny),
        requests: rate(Mode::Throttle),
        groups: Count { most: 1, mode: Mode::Observe },
        group_members: Count { most: 1, mode: Mode::Observe },
        ..Limits::default()
    };
    for name in ["a", "b"] {
        let account = ledger.account(name);
        account.know_groups(std::iter::empty(), now);
        let _ = account.take(Meter::Joins, 14, &limits, now);
        let _ = account.take(Meter::CommitPartitions, 11, &limits, now);
        let _ = account.settle(&[(Meter::Requests, 8)], &limits, now);
        let _ = account.settle(&[(Meter::Requests, 5)], &limits, now);
        let _ = account.settle(&[], &limits, now);
        for group in ["g", "h", "h"] {
            account.admit_member(group, Joiner::default(), &limits, now).unwrap();
        }
    }
    drop(ledger.account("a"));
    ledger.retain(|_| false);
    let counted: Vec<_> = ledger.beyond().into_iter().filter(|(_, _, amount)| *amount > 0).collect();
    let of = |limit, mode, amount| (limit, mode, amount);
    assert_eq!(
        counted,
        [
            of(Limited::Rate(Meter::Requests), Mode::Throttle, 6),
            of(Limited::Rate(Meter::CommitPartitions), Mode::Deny, 22),
            of(Limited::Rate(Meter::Joins), Mode::Observe, 8),
            of(Limited::Groups, Mode::Observe, 2),
            of(Limited::GroupMembers, Mode::Observe, 2),
        ]
    );
    let names: BTreeSet<_> = ledger.beyond().iter().map(|(limit, mode, _)| (limit.name(), *mode as usize)).collect();
    assert_eq!(names.len(), ledger.beyond().len(), "every counter has a name of its own");
    assert!(ledger.beyond().iter().all(|(limit, mode, _)| (limit.name(), *mode) != ("groups", Mode::Throttle)));
}

#[test]
fn hostile_q11_static_names_that_come_and_go_or_are_on_their_way_have_no_more_places() {
    let limits = Limits { group_members: Count::of(2), ..Limits::default() };
    // How many of so many names have a place at the end. They try in turn, one after each pause, and whenever the
    // brokers must be asked for it they have nobody: who had a place has left, or is on its way.
    let there = |pause: Duration| {
        let (account, mut now) = (Account::default(), Instant::now());
        account.know_groups(std::iter::empty(), now);
        let mut admit = |number: u64| {
            now += pause;
            let name = format!("i{number}");
            let joiner = Joiner { instance: Some(&name), ..Joiner::default() };
            let refused = account.admit_member("g", joiner, &limits, now).is_err();
            if refused {
                account.know_members("g", std::iter::empty(), now - Duration::from_secs(2));
            }
            !refused
        };
        for number in 0..40 {
            let _ = admit(number);
        }
        (0..40).filter(|number| admit(*number)).count()
    };
    assert_eq!(there(Duration::ZERO), 2);
    assert!(there(Duration::from_millis(300)) <= 2 * 40 * 300 / 2_000, "two in two seconds");
}
