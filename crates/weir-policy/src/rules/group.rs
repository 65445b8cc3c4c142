//! Own groups can be read, described and deleted. There is no way to name a foreign one.

use super::{Operation, Question, Resource, Verdict};
use crate::Reason;

/// The protocol type of consumer groups, and of groups that only commit.
const CONSUMER: &str = "consumer";

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

/// Whether groups of this protocol type are served.
pub(crate) fn protocol_type(protocol_type: &str) -> Result<(), Reason> {
    if protocol_type == CONSUMER { Ok(()) } else { Err(Reason::GroupProtocolType) }
}
