//! What connections hold at once, against a simple model: nothing leaks, and nobody gets more than there is.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use weir_policy::{Account, CatchUp, Count, Holding, Ledger, Limited, Limits, Mode, Rate, SessionPlace};

use crate::small;

const CONNECTIONS: usize = 4;

#[derive(Clone, Debug)]
enum Event {
    Park(usize),
    Unpark(usize),
    ReadFar(usize, usize),
    HaveReadFar(usize, usize),
    OpenSession(usize),
    CloseSession(usize),
    /// The connection ends: with its sessions at the broker, or with those closed.
    End(usize, bool),
    /// So many seconds pass.
    Clock(u64),
    Reload(u32),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = 0..CONNECTIONS;
    let event = prop_oneof![
        one.clone().prop_map(Event::Park),
        one.clone().prop_map(Event::Unpark),
        (one.clone(), 0..4_usize).prop_map(|(one, many)| Event::ReadFar(one, many)),
        (one.clone(), 0..4_usize).prop_map(|(one, many)| Event::HaveReadFar(one, many)),
        one.clone().prop_map(Event::OpenSession),
        one.clone().prop_map(Event::CloseSession),
        (one, any::<bool>()).prop_map(|(one, leaves)| Event::End(one, leaves)),
        (0..90_u64).prop_map(Event::Clock),
        (0..6_u32).prop_map(Event::Reload),
    ];
    prop::collection::vec(event, 1..80)
}

#[derive(Default)]
struct Connection {
    holding: Holding,
    sessions: Vec<SessionPlace>,
    parked: usize,
    far: usize,
}

proptest! {
    #![proptest_config(small::cases(300))]

    #[test]
    fn what_is_held_is_what_was_taken_and_not_given_back(events in events(), observe in any::<bool>()) {
        let (account, mut limits, mut now) = (Account::default(), Limits::default(), Instant::now());
        let mode = if observe { Mode::Observe } else { Mode::Deny };
        let all = CatchUp { partitions: Count { most: 5, mode }, ..CatchUp::default() };
        let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| Connection::default()).collect();
        let mut left: Vec<Instant> = Vec::new();
        let within = |most: u32| Count { most, mode };
        (limits.parked_fetches, limits.fetch_sessions, limits.catch_up_partitions) = (within(3), within(3), within(3));
        for event in events {
            let parked: usize = connections.iter().map(|one| one.parked).sum();
            let far: usize = connections.iter().map(|one| one.far).sum();
            let sessions: usize = connections.iter().map(|one| one.sessions.len()).sum::<usize>()
                + left.iter().filter(|until| **until > now).count();
            let most = usize::try_from(limits.parked_fetches.most).unwrap();
            let free = |held: usize, most: usize| if observe { usize::MAX } else { most.saturating_sub(held) };
            match event {
                Event::Park(one) => {
                    let got = connections[one].holding.park(&account, &limits);
                    prop_assert_eq!(got, free(parked, most) > 0);
                    connections[one].parked += usize::from(got);
                }
                Event::Unpark(one) => {
                    connections[one].holding.unpark();
                    connections[one].parked = connections[one].parked.saturating_sub(1);
                }
                Event::ReadFar(one, many) => {
                    let got = connections[one].holding.read_far(many, &account, &limits, &all);
                    prop_assert_eq!(got, many.min(free(far, most)).min(free(far, 5)));
                    connections[one].far += got;
                }
                Event::HaveReadFar(one, many) => {
                    connections[one].holding.have_read_far(many);
                    connections[one].far = connections[one].far.saturating_sub(many);
                }
                Event::OpenSession(one) => {
                    let got = account.take_session(&limits, now);
                    prop_assert_eq!(got.is_some(), free(sessions, most) > 0);
                    connections[one].sessions.extend(got);
                }
                Event::CloseSession(one) => drop(connections[one].sessions.pop()),
                Event::End(one, leaves) => {
                    let ended = std::mem::take(&mut connections[one]);
                    if leaves {
                        left.extend(ended.sessions.iter().map(|_| now + Duration::from_secs(120)));
                        ended.sessions.into_iter().for_each(|place| place.leave_behind(now));
                    }
                }
                Event::Clock(seconds) => now += Duration::from_secs(seconds),
                Event::Reload(most) => {
                    (limits.parked_fetches, limits.fetch_sessions) = (within(most), within(most));
                    limits.catch_up_partitions = within(most);
                }
            }
            let open: usize = connections.iter().map(|one| one.sessions.len()).sum();
            let held = (
                open + left.iter().filter(|until| **until > now).count(),
                connections.iter().map(|one| one.parked).sum(),
                connections.iter().map(|one| one.far).sum(),
            );
            prop_assert_eq!(account.holds_at_once(now), held);
        }
        drop(connections);
        prop_assert_eq!(account.holds_at_once(now + Duration::from_secs(121)), (0, 0, 0));
    }
}

#[test]
fn what_all_read_far_behind_is_one_account_of_the_process() {
    let (ledger, now) = (Ledger::default(), Instant::now());
    let limits = Limits { catch_up: Rate::per_second(1_000_000, 0), ..Limits::default() };
    let all = CatchUp { rate: Rate::per_second(1_000, 0), partitions: Count::of(3), ..CatchUp::default() };
    let (one, another) = (ledger.account("one"), ledger.account("another"));
    one.charge_catch_up(2_000, &limits, &all, now);
    assert_eq!(one.catch_up_debt(&limits, &all, now), Duration::from_secs(2));
    assert_eq!(another.catch_up_debt(&limits, &all, now), Duration::from_secs(2), "it waits for the other, too");
    assert_eq!(another.catch_up_debt(&limits, &all, now + Duration::from_secs(2)), Duration::ZERO);
    let (mut of_one, mut of_another) = (Holding::default(), Holding::default());
    assert_eq!(of_one.read_far(2, &one, &limits, &all), 2);
    assert_eq!(of_another.read_far(2, &another, &limits, &all), 1);
    drop(of_one);
    assert_eq!(of_another.read_far(5, &another, &limits, &all), 2);
    // Nobody is made to wait for it with anything else.
    assert_eq!(one.settle(&[], &limits, now), weir_policy::Debts::default());
}

#[test]
fn a_limit_that_is_only_observed_limits_nothing() {
    let (account, now) = (Account::default(), Instant::now());
    let observed = |rate: Rate| Rate { mode: Mode::Observe, ..rate };
    let limits = Limits { catch_up: observed(Rate::per_second(1, 0)), ..Limits::default() };
    let all = CatchUp { rate: observed(Rate::per_second(1, 0)), ..CatchUp::default() };
    account.charge_catch_up(1_000, &limits, &all, now);
    assert_eq!(account.catch_up_debt(&limits, &all, now), Duration::ZERO);
    assert_eq!(all.bytes_of_a_second(&limits), u64::MAX);
}

#[test]
fn what_all_read_far_behind_is_counted_where_it_is_only_observed() {
    for mode in [Mode::Observe, Mode::Throttle] {
        let (ledger, now) = (Ledger::default(), Instant::now());
        let partitions = Count { most: 3, mode: if mode == Mode::Observe { mode } else { Mode::Deny } };
        let all = CatchUp { rate: Rate { mode, ..Rate::per_second(1_000, 500) }, partitions, ..CatchUp::default() };
        let limits = Limits { catch_up: Rate::per_second(1_000_000, 0), ..Limits::default() };
        let mut holdings = [Holding::default(), Holding::default()];
        for (name, holding) in ["one", "another"].into_iter().zip(&mut holdings) {
            let account = ledger.account(name);
            account.charge_catch_up(400, &limits, &all, now);
            let brought = holding.read_far(5, &account, &limits, &all);
            assert!(mode != Mode::Observe || brought == 5, "observing limits nothing");
        }
        let counted: Vec<_> = ledger.beyond().into_iter().filter(|(_, _, amount)| *amount > 0).collect();
        let own = |(limit, _, _): &(Limited, Mode, u64)| limit.name() == "catch_up";
        let of_all: Vec<_> = counted.into_iter().filter(|one| !own(one)).collect();
        assert_eq!(
            of_all,
            [(Limited::AllCatchUp, mode, 300), (Limited::AllCatchUpPartitions, partitions.mode, 7)],
            "800 of 500 bytes, and 2 and then 5 of 3 partitions"
        );
    }
}
