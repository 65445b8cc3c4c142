//! Transactions belong to producers, and nobody produces from outside.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::TransactionalId(_) => Verdict::Refuse(Reason::TransactionalIdNotServed),
        Resource::Topic(_) | Resource::Group(_) | Resource::Cluster => Verdict::Pass,
    }
}
