//! What the time of one request went to: the client, what was waited for upstream, and Weir itself.
//!
//! Must never: count an instant twice, so that the three are the whole.

use std::time::{Duration, Instant};

use weir_kafka::outcome::Outcome;

/// The time of one request, in parts that do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// From its arrival until the client's socket had the last byte of its answer.
    pub total: Duration,
    /// The client's socket had no room for what waited to be sent on its connection.
    pub client: Duration,
    /// Judged, and waiting for what is not Weir's to hasten: the broker, answers that are due before this one, what Weir
    /// asks the brokers itself, and the time for which a Fetch is held of which all was refused.
    pub upstream: Duration,
    /// What is left: to read, judge, check, pass on and write.
    pub weir: Duration,
}

impl Spent {
    /// The parts of a request whose answer the socket had at `finished`. `held` is for how long the socket had no room
    /// after the answer was made.
    #[must_use]
    pub fn of(outcome: &Outcome, finished: Instant, held: Duration) -> Self {
        let total = finished.saturating_duration_since(outcome.received);
        let client = outcome.meanwhile.client().saturating_add(held).min(total);
        let waited = outcome.ended.saturating_duration_since(outcome.judged);
        let (unread, work) = (outcome.meanwhile.client(), outcome.meanwhile.work());
        let upstream = waited.saturating_sub(unread).saturating_sub(work).min(total.saturating_sub(client));
        Self { total, client, upstream, weir: total.saturating_sub(client).saturating_sub(upstream) }
    }
}

#[cfg(test)]
mod tests {
    use weir_kafka::outcome::{AnswerSource, Ending, Refusals, Told};
    use weir_kafka::table;

    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Judged after 1 ms, ended after `ended`, and until then so long of the client's time and of Weir's.
    fn outcome(received: Instant, ended: u64, [client, work]: [u64; 2]) -> Outcome {
        Outcome {
            row: table::row(table::FETCH).unwrap(),
            version: 13,
            source: AnswerSource::Broker,
            ending: Ending::Answered,
            refusals: Refusals::default(),
            request_bytes: 0,
            response_bytes: 0,
            received,
            judged: received + millis(1),
            sent_upstream: false,
            upstream_answered: None,
            meanwhile: Told::default().and(millis(client), millis(work)),
            ended: received + millis(ended),
        }
    }

    fn parts(ended: u64, meanwhile: [u64; 2], finished: u64, held: u64) -> [u128; 4] {
        let received = Instant::now();
        let spent = Spent::of(&outcome(received, ended, meanwhile), received + millis(finished), millis(held));
        assert_eq!(spent.total, spent.client + spent.upstream + spent.weir, "{spent:?}");
        [spent.total, spent.client, spent.upstream, spent.weir].map(|part| part.as_millis())
    }

    #[test]
    fn the_parts_are_the_whole_and_each_is_the_fault_of_whom_it_says() {
        assert_eq!(parts(500, [0, 0], 502, 0), [502, 0, 499, 3], "a parked Fetch");
        assert_eq!(parts(900, [800, 30], 902, 0), [902, 800, 69, 33], "a client that does not read a long answer");
        assert_eq!(parts(10, [0, 0], 5_010, 4_999), [5_010, 4_999, 9, 2], "nor one that is made");
        assert_eq!(parts(1, [0, 0], 3, 0), [3, 0, 0, 3], "Weir answers at once");
        assert_eq!(parts(0, [9, 9], 0, 9), [0, 0, 0, 0], "no time is no time");
    }
}
