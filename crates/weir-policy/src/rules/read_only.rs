//! A grant gives Read, and with it Describe, as in Kafka. It gives nothing else.

use super::{Operation, Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    let Resource::Topic(_) = question.resource else { return Verdict::Pass };
    match question.operation {
        Operation::Read | Operation::Describe => Verdict::Allow,
        Operation::Write
        | Operation::Create
        | Operation::Delete
        | Operation::Alter
        | Operation::DescribeConfigs
        | Operation::AlterConfigs
        | Operation::ClusterAction
        | Operation::IdempotentWrite => Verdict::Refuse(Reason::TopicReadOnly),
    }
}
