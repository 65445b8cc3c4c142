//! The first key: the catalogue, without what is suspended of it.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    let Resource::Topic(topic) = question.resource else { return Verdict::Pass };
    if !question.named && !question.policy.catalogue.prefixes.covers(topic) {
        Verdict::Refuse(Reason::TopicNotInCatalogue)
    } else if question.policy.suspended.has_topic(topic) {
        Verdict::Refuse(Reason::TopicSuspended)
    } else {
        Verdict::Pass
    }
}
