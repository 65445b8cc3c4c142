//! Own groups can be read, described and deleted. There is no way to name a foreign one.

use super::{Question, Resource, Verdict};
use crate::Reason;

pub(super) fn judge(question: &Question<'_>) -> Verdict {
    let Resource::Group(shown) = question.resource else { return Verdict::Pass };
    if let Err(reason) = question.principal.judge_group(shown) {
        return Verdict::Refuse(reason);
    }
    if question.operation.given_on_own_groups() { Verdict::Allow } else { Verdict::Refuse(Reason::GroupOperation) }
}
