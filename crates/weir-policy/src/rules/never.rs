//! What must never leave does not, whoever asks and whatever the catalogue says.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    let Resource::Topic(topic) = question.resource else { return Verdict::Pass };
    // Compiling refuses a catalogue that names a topic of the never list, so that the look-up is enough for those.
    if !question.named && question.policy.never.covers(topic) {
        Verdict::Refuse(Reason::TopicNever)
    } else {
        Verdict::Pass
    }
}
