//! A name that no topic can have goes no further: not into a log line or a label.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Topic(_) if !question.looks.sound => Verdict::Refuse(Reason::TopicNameInvalid),
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
