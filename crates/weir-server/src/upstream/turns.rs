//! Whose dial to one broker is next: principals take turns, however many connections each of them opens.
//!
//! Must never: let one principal's dials stand before another's first, forget a turn that nobody takes, or keep anybody
//! waiting who cannot come in time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::pace::Pacer;

/// The dials that wait for one broker.
#[derive(Debug)]
pub(super) struct Turns(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    pacer: Pacer,
    /// In the order in which they may dial.
    queue: BTreeMap<Place, Arc<Notify>>,
    /// The last round in which each principal that waits has a place.
    rounds: HashMap<String, u64>,
    /// The round of the last dial.
    round: u64,
    next_number: u64,
}

/// A place in the queue. In each round every principal that waits has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    round: u64,
    number: u64,
}

/// A dial that waits; what it leaves behind when it is dropped is the next one's turn.
struct Ticket<'a> {
    turns: &'a Turns,
    whose: &'a str,
    place: Place,
    woken: Arc<Notify>,
}

impl Turns {
    pub(super) fn new(pacer: Pacer) -> Self {
        let waiting = Waiting { pacer, queue: BTreeMap::new(), rounds: HashMap::new(), round: 0, next_number: 0 };
        Self(Mutex::new(waiting))
    }

    /// Waits for a principal's turn to dial; nothing where it would not come in time, and then nothing is used up.
    pub(super) async fn take(&self, whose: &str, patience: Duration) -> Option<()> {
        let now = Instant::now();
        let until = now.checked_add(patience)?;
        let ticket = self.enter(whose, now, until)?;
        loop {
            let wait_until = match ticket.try_now(Instant::now()) {
                Turn::Now => return Some(()),
                Turn::At(start) => Some(start),
                Turn::AfterOthers => None,
            };
            let end = wait_until.map_or(until, |start| start.min(until));
            let woken = timeout_at(end.into(), ticket.woken.notified()).await.is_ok();
            if !woken && Instant::now() >= until {
                return None;
            }
        }
    }

    fn enter<'a>(&'a self, whose: &'a str, now: Instant, until: Instant) -> Option<Ticket<'a>> {
        let mut waiting = self.lock();
        let round = waiting.rounds.get(whose).copied().unwrap_or(0).max(waiting.round).saturating_add(1);
        let place = Place { round, number: waiting.next_number };
        let before = waiting.queue.range(..place).count();
        if waiting.pacer.start_after(before, now) > until {
            return None;
        }
        waiting.next_number = place.number.saturating_add(1);
        waiting.rounds.insert(whose.to_owned(), round);
        let woken = Arc::new(Notify::new());
        waiting.queue.insert(place, Arc::clone(&woken));
        Some(Ticket { turns: self, whose, place, woken })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No step between two writes can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Turn {
    Now,
    At(Instant),
    AfterOthers,
}

impl Ticket<'_> {
    fn try_now(&self, now: Instant) -> Turn {
        let mut waiting = self.turns.lock();
        if waiting.queue.first_key_value().is_some_and(|(first, _)| *first != self.place) {
            return Turn::AfterOthers;
        }
        let start = waiting.pacer.start_after(0, now);
        if start > now {
            return Turn::At(start);
        }
        waiting.pacer.dial(now);
        waiting.round = waiting.round.max(self.place.round);
        Turn::Now
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut waiting = self.turns.lock();
        waiting.queue.remove(&self.place);
        if waiting.rounds.get(self.whose) == Some(&self.place.round) {
            waiting.rounds.remove(self.whose);
        }
        if let Some((_, next)) = waiting.queue.first_key_value() {
            next.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// In which order dials were made that asked in this order, and when the last was.
    async fn order(per_second: u32, asked: Vec<&'static str>) -> (Vec<&'static str>, Duration) {
        let (turns, began) = (Arc::new(Turns::new(Pacer::new(per_second))), Instant::now());
        let made = Arc::new(Mutex::new(Vec::new()));
        let mut dials = tokio::task::JoinSet::new();
        for whose in asked {
            let (turns, made) = (Arc::clone(&turns), Arc::clone(&made));
            dials.spawn(async move {
                turns.take(whose, LONG).await.unwrap();
                made.lock().unwrap().push(whose);
            });
            tokio::task::yield_now().await;
        }
        while dials.join_next().await.is_some() {}
        assert!(turns.lock().queue.is_empty() && turns.lock().rounds.is_empty());
        let made = made.lock().unwrap().clone();
        (made, began.elapsed())
    }

    #[tokio::test]
    async fn hostile_q3_who_dials_in_a_loop_stands_before_nobodys_first() {
        let looping = ["loop"; 30];
        let asked = looping.into_iter().chain(["one", "two", "one"]).collect();
        let (made, took) = order(50, asked).await;
        assert_eq!(made.len(), 33);
        // The loop has the dials that may be made at once, and one more that was next when the others came.
        let place = |whose: &str| made.iter().position(|name| *name == whose).unwrap();
        assert!(place("one") <= 12 && place("two") <= 13, "{made:?}");
        assert!(took >= Duration::from_millis(500), "the rate holds: {took:?}");
    }

    #[tokio::test]
    async fn a_turn_that_is_given_up_is_the_next_ones() {
        let turns = Arc::new(Turns::new(Pacer::new(5)));
        turns.take("a", LONG).await.unwrap();
        let given_up = Arc::clone(&turns);
        let given_up = tokio::spawn(async move { given_up.take("b", LONG).await });
        let waits = Arc::clone(&turns);
        let waits = tokio::spawn(async move { waits.take("c", LONG).await });
        tokio::task::yield_now().await;
        given_up.abort();
        tokio::time::timeout(Duration::from_secs(5), waits).await.unwrap().unwrap().unwrap();
        assert!(turns.lock().queue.is_empty() && turns.lock().rounds.is_empty());
    }

    #[tokio::test]
    async fn who_would_wait_too_long_does_not_wait_at_all() {
        let turns = Turns::new(Pacer::new(1));
        assert!(turns.take("a", Duration::ZERO).await.is_some());
        let began = Instant::now();
        assert!(turns.take("b", Duration::from_millis(900)).await.is_none());
        assert!(began.elapsed() < Duration::from_millis(500));
        assert!(turns.take("b", Duration::from_millis(1_500)).await.is_some());
    }
}
