//! The first key: the catalogue, without what is suspended of it.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Topic(_) if !question.looks.in_catalogue => Verdict::Refuse(Reason::TopicNotInCatalogue),
        Resource::Topic(_) if question.looks.suspended => Verdict::Refuse(Reason::TopicSuspended),
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
