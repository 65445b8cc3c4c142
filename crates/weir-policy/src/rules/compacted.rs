//! What the catalogue lets leave only while its cluster compacts it, and nobody has confirmed that.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        // What no grant gives is refused for that, whatever the cluster does.
        Resource::Topic(_) if question.looks.not_compacted && question.operation.given_by_grant() => {
            Verdict::Refuse(Reason::TopicNotCompacted)
        }
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
