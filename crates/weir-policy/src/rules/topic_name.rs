//! A name that no topic can have goes no further: not into a look-up, a log line or a label.

use super::{Question, Resource, Verdict};
use crate::Reason;
use crate::names::is_topic_name;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    match question.resource {
        Resource::Topic(topic) if !question.named && !is_topic_name(topic) => Verdict::Refuse(Reason::TopicNameInvalid),
        Resource::Topic(_) | Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Verdict::Pass,
    }
}
