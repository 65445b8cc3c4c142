//! Nothing is done to the cluster from outside.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Cluster => Verdict::Refuse(Reason::ClusterOperation),
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) => Verdict::Pass,
    }
}
