//! The row of the judge: what one verdict costs, and whether that is flat: few and many principals, few and many grants.

use std::hint::black_box;
use std::sync::Arc;

use weir_policy::{Compacted, Operation, PeerFacts, Policy, Principal, Reason, Resource};

use super::Run;
use crate::bar::JUDGEMENT;
use crate::failure::Failure;
use crate::in_process::{micros, on_measured_core};
use crate::line::{Found, Line, Taken};
use crate::policies;
use crate::stats::Series;

/// Principals, and grants of the one that asks.
const SIZES: [(usize, usize); 4] = [(10, 1), (1_000, 1), (10_000, 1), (10_000, 10_000)];
/// Verdicts of one figure.
const CALLS: usize = 200_000;

/// The judge of one size.
struct Cell {
    size: (usize, usize),
    court: Court,
    /// Each verdict by itself, in the order of `Court::cases`.
    verdicts: [Series; 4],
    /// Another principal each time, and its own topic.
    in_turn: Series,
    /// From a certificate to the principal.
    identified: Series,
}

/// A policy, and who asks it.
struct Court {
    policy: Policy,
    principals: Vec<(Arc<Principal>, String, PeerFacts)>,
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let mut cells = SIZES.into_iter().map(Cell::new).collect::<Result<Vec<_>, _>>()?;
    on_measured_core(|| {
        for _ in run.rounds() {
            cells.iter_mut().for_each(Cell::take);
        }
        Ok(())
    })?;
    let mut told: Vec<String> = cells.iter().map(Cell::told).collect();
    if let [ten, thousand, many, granted] = cells.as_slice() {
        told.push(format!(
            "flat: {:.2}x with 1,000 and {:.2}x with 10,000 principals of what it is with 10; {:.2}x with 10,000 grants \
             of what it is with 1",
            thousand.slowest().best / ten.slowest().best,
            many.slowest().best / ten.slowest().best,
            granted.slowest().best / many.slowest().best,
        ));
    }
    Ok(Found { lines: cells.iter().map(Cell::line).collect(), told, void: None })
}

impl Cell {
    fn new(size: (usize, usize)) -> Result<Self, Failure> {
        let court = Court::new(size)?;
        Ok(Self {
            size,
            court,
            verdicts: Default::default(),
            in_turn: Series::default(),
            identified: Series::default(),
        })
    }

    fn take(&mut self) {
        let court = &self.court;
        let Some((asking, _, _)) = court.principals.first() else { return };
        for (series, (topic, _)) in self.verdicts.iter_mut().zip(court.cases(self.size.1)) {
            series.push(micros(CALLS, || {
                let _ = black_box(court.judge(asking, black_box(&topic)));
            }));
        }
        let all = court.principals.iter().cycle();
        let mut turns = all.clone();
        self.in_turn.push(micros(CALLS, || {
            if let Some((principal, topic, _)) = turns.next() {
                let _ = black_box(court.judge(principal, black_box(topic)));
            }
        }));
        let mut turns = all;
        self.identified.push(micros(CALLS, || {
            let _ = turns.next().map(|(_, _, peer)| black_box(court.policy.identify(black_box(peer))));
        }));
    }

    /// Of the four verdicts.
    fn slowest(&self) -> Taken {
        let taken = self.verdicts.iter().map(Taken::cost);
        taken.max_by(|one, other| one.best.total_cmp(&other.best)).unwrap_or(Taken::once(f64::NAN))
    }

    fn way(&self) -> String {
        format!("{} principals, grants: {}", self.size.0, self.size.1)
    }

    fn line(&self) -> Line {
        Line::of(&JUDGEMENT, self.slowest()).way(&self.way())
    }

    fn told(&self) -> String {
        let [granted, hidden, never, unlisted] = self.verdicts.each_ref().map(|series| series.minimum() * 1e3);
        format!(
            "{}, in ns: granted {granted:.0}, not granted {hidden:.0}, never {never:.0}, not listed {unlisted:.0}; \
             another principal each time {:.0}; identify {:.0}",
            self.way(),
            self.in_turn.minimum() * 1e3,
            self.identified.minimum() * 1e3,
        )
    }
}

impl Court {
    fn new((principals, grants): (usize, usize)) -> Result<Self, Failure> {
        let policy = policies::compile(&policies::files(principals, grants))?;
        let asking = |index| {
            let principal = policy.principal(&policies::principal(index));
            let principal = principal.ok_or_else(|| Failure::new("a principal is missing"))?;
            let peer = PeerFacts { san_uris: vec![format!("u:{index}")], ..PeerFacts::default() };
            Ok((principal, policies::topic(policies::first_grant(index)), peer))
        };
        let principals = (0..principals).map(asking).collect::<Result<_, Failure>>()?;
        let court = Self { policy, principals };
        court.check(grants)?;
        Ok(court)
    }

    /// What is timed is what it is called.
    fn check(&self, grants: usize) -> Result<(), Failure> {
        let Some((asking, _, _)) = self.principals.first() else { return Err(Failure::new("nobody asks")) };
        for (topic, expected) in self.cases(grants) {
            let verdict = self.judge(asking, &topic).err();
            if verdict != expected {
                return Err(Failure::new(format!("{topic} was judged {verdict:?} and not {expected:?}")));
            }
        }
        Ok(())
    }

    /// The last topic of the one that asks, and topics that it may not read, each with its verdict.
    fn cases(&self, grants: usize) -> [(String, Option<Reason>); 4] {
        [
            (policies::topic(grants - 1), None),
            (policies::hidden_topic(), Some(Reason::TopicNotGranted)),
            ("eqiad.webrequest_text".to_owned(), Some(Reason::TopicNever)),
            ("eqiad.mediawiki.nothing-here.v1".to_owned(), Some(Reason::TopicNotInCatalogue)),
        ]
    }

    fn judge(&self, principal: &Principal, topic: &str) -> Result<(), Reason> {
        self.policy.judge(principal, Operation::Read, Resource::Topic(topic), Compacted::none())
    }
}
