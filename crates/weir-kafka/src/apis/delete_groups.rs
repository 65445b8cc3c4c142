//! DeleteGroups: the principal's own groups, where the brokers find them empty.
//!
//! Must never: delete a group of anybody else's, or ask what it takes to make one: who has as many groups as it may still
//! deletes them.

use std::collections::HashSet;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, GroupId};
use weir_policy::Operation;

use super::own_groups::{self, Asked, NamesGroups};
use super::{Answer, Judged, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<DeleteGroupsRequest>()?;
    // A group that is named twice is deleted, and answered, once.
    let mut seen = HashSet::new();
    let mut groups = std::mem::take(&mut message.groups_names);
    groups.retain(|group| seen.insert(group.clone()));
    message.groups_names = groups;
    own_groups::judge(request, message, refusals, |asked| Withheld::DeleteGroups(Box::new(asked)))
}

pub(super) fn restore(answer: &Answer<'_>, asked: &Asked<DeletableGroupResult>) -> Result<Restored, Fault> {
    let mut message = answer.decode::<DeleteGroupsResponse>()?;
    let mut left = asked.left();
    for result in &mut message.results {
        let name = left.take(&result.group_id)?;
        if result.error_code == code::NONE {
            answer.env.account.group_is_gone(&name.real);
        }
        result.group_id = name.shown.clone();
    }
    message.results.extend(asked.refused.iter().cloned());
    answer.encoded(&message, false)
}

impl NamesGroups for DeleteGroupsRequest {
    type Group = DeletableGroupResult;
    type Answer = DeleteGroupsResponse;

    const OPERATION: Operation = Operation::Delete;

    fn groups(&mut self) -> &mut Vec<GroupId> {
        &mut self.groups_names
    }

    fn failed(shown: &GroupId, error_code: i16) -> DeletableGroupResult {
        DeletableGroupResult::default().with_group_id(shown.clone()).with_error_code(error_code)
    }

    /// The refused groups come last.
    fn answer(own: Vec<DeletableGroupResult>, refused: Vec<DeletableGroupResult>) -> DeleteGroupsResponse {
        DeleteGroupsResponse::default().with_results(own.into_iter().chain(refused).collect())
    }
}
