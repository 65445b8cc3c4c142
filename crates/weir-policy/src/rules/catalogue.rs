//! The first key: the catalogue.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Topic(topic) if !question.named && !question.policy.catalogue.prefixes.covers(topic) => {
            Verdict::Refuse(Reason::TopicNotInCatalogue)
        }
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
