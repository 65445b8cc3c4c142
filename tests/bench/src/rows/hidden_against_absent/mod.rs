//! The row of hidden against absent: whether the time of an answer tells a topic that is there from one that is not.
//!
//! One client behind mutual TLS asks Weir for one topic at a time, each time one that it may not read. Six populations of
//! names take turns in an order that is drawn anew for each turn: two of topics that are there and not granted, one of
//! names that are nowhere, and three that are refused for other reasons. All names are as long as each other, and all
//! answers the same bytes but for the name, or the run fails. Every request is answered by Weir alone.
//!
//! The rule: the median of hidden topics and that of each other population differ by no more than the noise, which is the
//! largest difference of medians among 1,000 random halvings of all hidden topics, the two populations of them being one
//! of the halvings; or than the step of the clock. Halves have as many names as populations.
//!
//! The control is a server of the bench behind the same TLS that looks 2 us longer for some names. Where the rule does not
//! see that, or the noise is more than half of it, the run is void. Must never: judge what was not asked in turns.

mod asked;
mod asker;
mod control;
mod rule;

use std::fs;
use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::Run;
use crate::bar::HIDDEN;
use crate::broker::CannedBroker;
use crate::canned::{Answers, TOPICS};
use crate::failure::Failure;
use crate::line::{Found, Line, Taken};
use crate::policies::NEVER;
use crate::tls::Certificates;
use crate::weir::{self, Weir};
use asked::Asked;
use asker::Asker;
use rule::{Dice, Judged, Times};

/// Names of each population.
const NAMES: u128 = 250;
/// Requests of each population for each API: over 100,000 in all.
const REQUESTS: usize = 17_000;
/// Those before the counting, in each round.
const WARM: usize = 200;
/// Odd: numbers one behind the other, times this, are far from each other.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
/// What the control takes longer, in microseconds.
const PLANTED: f64 = 2.0;

/// Topics of one kind.
pub struct Population {
    what: &'static str,
    /// Their names, which begin so.
    prefix: &'static str,
    is_in_catalogue: bool,
    is_on_brokers: bool,
}

/// The first two are hidden against hidden. `__` is on the never list. All begin with the same letters, for where a line
/// of that list may begin in a name is looked at by letters.
const POPULATIONS: [Population; 6] = [
    Population { what: "hidden", prefix: "hav__e", is_in_catalogue: true, is_on_brokers: true },
    Population { what: "hidden, too", prefix: "ha_v_e", is_in_catalogue: true, is_on_brokers: true },
    Population { what: "absent", prefix: "h_av_e", is_in_catalogue: false, is_on_brokers: false },
    Population { what: "not in the catalogue", prefix: "h_a_ve", is_in_catalogue: false, is_on_brokers: true },
    Population { what: "never to leave", prefix: "__have", is_in_catalogue: false, is_on_brokers: true },
    Population { what: "in the catalogue, but gone", prefix: "have__", is_in_catalogue: true, is_on_brokers: false },
];

/// A topic's name and id.
pub struct Topic {
    name: String,
    id: Uuid,
}

impl Population {
    fn topics(&self, place: usize) -> Vec<Topic> {
        let topic = |index| {
            // Neither names nor ids follow upon each other.
            let mixed = ((index + 1) * 0x9e37_79b9) % 100_000_007;
            let id = u128::wrapping_mul(index * POPULATIONS.len() as u128 + place as u128 + 1, SPREAD);
            Topic { name: format!("{}.stream-{mixed:09}", self.prefix), id: Uuid::from_u128(id) }
        };
        (0..NAMES).map(topic).collect()
    }
}

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let topics: Vec<Vec<Topic>> = POPULATIONS.iter().enumerate().map(|(place, kind)| kind.topics(place)).collect();
    let of = |wanted: fn(&Population) -> bool| {
        let kinds = POPULATIONS.iter().zip(&topics).filter(move |(kind, _)| wanted(kind));
        kinds.flat_map(|(_, topics)| topics)
    };
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    let on_brokers = of(|kind| kind.is_on_brokers).map(|topic| (topic.name.clone(), topic.id)).collect();
    let broker = CannedBroker::with_topics(Answers::new()?, on_brokers)?;
    let in_catalogue: Vec<&str> = of(|kind| kind.is_in_catalogue).map(|topic| &*topic.name).collect();
    let policy = |acl: &Path| write_policy(acl, &in_catalogue);
    let weir = Weir::with_policy(&policy, &run.options.weir, broker.address, &certificates, dir, &run.log("weir"))?;

    let mut asker = Asker::connect(weir.proxy.address, &certificates)?;
    let mut asked = Asked::all()?;
    let mut times: Vec<Vec<Times>> = asked.iter().map(|_| vec![Times::default(); POPULATIONS.len()]).collect();
    let mut dice = Dice::default();
    for _ in run.rounds() {
        for (asked, times) in asked.iter_mut().zip(&mut times) {
            take(&mut asker, asked, &topics, REQUESTS.div_ceil(run.options.rounds as usize), &mut dice, times)?;
        }
    }
    let control = control::measure(&certificates, &topics, &mut dice)?;
    Ok(found(&asked, times, &control, &mut dice))
}

/// Asks for topics of all populations, in turns.
fn take(
    asker: &mut Asker,
    asked: &mut Asked,
    topics: &[Vec<Topic>],
    turns: usize,
    dice: &mut Dice,
    times: &mut [Times],
) -> Result<(), Failure> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    for turn in 0..WARM + turns {
        dice.shuffle(&mut order);
        for &population in &order {
            let name = dice.below(topics[population].len());
            let took = asker.ask(asked, &topics[population][name])?;
            if turn >= WARM {
                times[population].push(name, took);
            }
        }
    }
    Ok(())
}

fn found(asked: &[Asked], times: Vec<Vec<Times>>, control: &Judged, dice: &mut Dice) -> Found {
    let mut found = Found::default();
    let mut void = control::void(control);
    found.told.push(format!("control, {PLANTED} us longer for some names: {}", control.told()));
    for (asked, times) in asked.iter().zip(times) {
        let judged = rule::judge(&times, dice);
        found
            .lines
            .push(Line { must: Some(judged.noise), ..Line::of(&HIDDEN, Taken::once(judged.worst())).way(asked.name) });
        let medians =
            POPULATIONS.iter().zip(&judged.medians).map(|(kind, median)| format!("{} {median:.2}", kind.what));
        found.told.push(format!("{}: {}", asked.name, judged.told()));
        found.told.push(format!("{}, medians in us: {}", asked.name, medians.collect::<Vec<_>>().join("; ")));
        if judged.noise > PLANTED / 2.0 {
            void = void.or_else(|| Some(format!("{}: the noise is {:.2} us", asked.name, judged.noise)));
        }
    }
    found.void = void;
    found
}

/// The catalogue with topics that nobody was granted, and the shipped never list.
fn write_policy(acl: &Path, in_catalogue: &[&str]) -> std::io::Result<()> {
    let named = TOPICS.iter().map(|(name, _)| *name).chain(in_catalogue.iter().copied());
    fs::write(
        acl.join("catalogue.yaml"),
        json!({ "streams": named.map(weir::stream).collect::<Vec<_>>() }).to_string(),
    )?;
    fs::write(acl.join("never.yaml"), NEVER)
}
