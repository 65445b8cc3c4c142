//! What must never leave does not, whoever asks and whatever the catalogue says.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Topic(_) if question.looks.never => Verdict::Refuse(Reason::TopicNever),
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
