//! Own groups can be read, described and deleted. There is no way to name a foreign one.

use super::{Operation, Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    let Resource::Group(shown) = question.resource else { return Verdict::Pass };
    if let Err(reason) = question.principal.judge_group(shown) {
        return Verdict::Refuse(reason);
    }
    match question.operation {
        Operation::Read | Operation::Describe | Operation::Delete => Verdict::Allow,
        Operation::Write
        | Operation::Create
        | Operation::Alter
        | Operation::DescribeConfigs
        | Operation::AlterConfigs
        | Operation::ClusterAction
        | Operation::IdempotentWrite => Verdict::Refuse(Reason::GroupOperation),
    }
}
