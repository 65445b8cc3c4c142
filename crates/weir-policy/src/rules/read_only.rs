//! What a grant gives, and nothing else.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Topic(_) if question.operation.given_by_grant() => Verdict::Allow,
        Resource::Topic(_) => Verdict::Refuse(Reason::TopicReadOnly),
        Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
