//! What the requests that name topics share: each topic is judged, and what is refused is cut out and kept as it returns.
//!
//! Must never: leave a refused topic in a request.

use std::collections::HashMap;

use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::Encodable;
use weir_policy::{Operation, Reason};

use super::{Judged, NAMES_NO_TIME, Request, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

/// A topic as a request names it.
pub(super) trait AskedTopic {
    /// The same in the answer.
    type Answered: Clone;

    fn name(&self) -> &str;

    /// How many partitions are asked for.
    fn partitions(&self) -> usize;

    /// What stands in the answer where the broker says nothing: each partition with this code.
    fn failed(&self, error_code: i16) -> Self::Answered;
}

/// A topic as an answer names it.
pub(super) trait Answered {
    fn name(&self) -> &TopicName;

    /// Takes the partitions of the same topic.
    fn add(&mut self, more: Self);
}

/// Adds topics to those of an answer. One that is there already gets the partitions: clients expect as many topics as
/// they named.
pub(super) fn merge<T: Answered>(topics: &mut Vec<T>, more: impl Iterator<Item = T>) {
    let mut places: HashMap<TopicName, usize> =
        topics.iter().enumerate().map(|(place, topic)| (topic.name().clone(), place)).collect();
    for topic in more {
        match places.get(topic.name()).and_then(|place| topics.get_mut(*place)) {
            Some(known) => known.add(topic),
            None => {
                places.insert(topic.name().clone(), topics.len());
                topics.push(topic);
            }
        }
    }
}

impl Request<'_> {
    /// Cuts the topics to which the principal may not do this, and gives them as they return.
    pub(super) fn cut_topics<T: AskedTopic>(
        &self,
        operation: Operation,
        topics: &mut Vec<T>,
        refusals: &mut Refusals,
    ) -> Vec<T::Answered> {
        self.cut(topics, refusals, |topic| self.judge_topic(operation, topic))
    }

    /// The same of what a group of the principal's own keeps.
    pub(super) fn cut_from_group<T: AskedTopic>(
        &self,
        operation: Operation,
        topics: &mut Vec<T>,
        refusals: &mut Refusals,
    ) -> Vec<T::Answered> {
        self.cut(topics, refusals, |topic| self.env.judge_in_group(operation, topic))
    }

    fn cut<T: AskedTopic>(
        &self,
        topics: &mut Vec<T>,
        refusals: &mut Refusals,
        judge: impl Fn(&str) -> Result<(), Reason>,
    ) -> Vec<T::Answered> {
        let mut refused = Vec::new();
        topics.retain(|topic| match judge(topic.name()) {
            Ok(()) => true,
            Err(reason) => {
                refusals.add(reason, topic.partitions());
                refused.push(topic.failed(code_of(reason)));
                false
            }
        });
        refused
    }

    /// A request with `topics` goes to the broker, and those that were cut return behind the broker's. `answer` makes an
    /// answer of topics.
    pub(super) fn forward_topics<M: Encodable, T: AskedTopic, R: Encodable>(
        &self,
        message: &M,
        topics: &[T],
        refused: Vec<T::Answered>,
        answer: impl FnOnce(Vec<T::Answered>) -> R,
        withheld: impl FnOnce(Vec<T::Answered>) -> Withheld,
    ) -> Result<Judged, Fault> {
        let if_unreachable = self.if_unreachable(|| {
            let asked = topics.iter().map(|topic| topic.failed(self.row.unreachable_code()));
            answer(asked.chain(refused.iter().cloned()).collect())
        })?;
        self.forward_prepared(message, withheld(refused), self.patience(NAMES_NO_TIME), if_unreachable)
    }
}
