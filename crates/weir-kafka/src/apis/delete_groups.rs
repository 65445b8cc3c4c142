//! DeleteGroups: the principal's own groups, where the brokers find them empty.
//!
//! Must never: delete a group of anybody else's, or ask what it takes to make one: who has as many groups as it may still
//! deletes them.

use std::collections::HashSet;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, GroupId};
use weir_policy::Operation;

use super::own_groups::{self, Name};
use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;

/// What was asked, and what of it was refused.
#[derive(Debug)]
pub(crate) struct Asked {
    own: Vec<Name>,
    refused: Vec<DeletableGroupResult>,
}

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<DeleteGroupsRequest>()?;
    // A group that is named twice is deleted, and answered, once.
    let mut seen = HashSet::new();
    let mut groups = std::mem::take(&mut message.groups_names);
    groups.retain(|group| seen.insert(group.clone()));
    let sorted = own_groups::sort(request, Operation::Delete, groups, refusals);
    let refused: Vec<_> = sorted.refused.iter().map(|(shown, error_code)| result(shown, *error_code)).collect();
    if sorted.own.is_empty() {
        return request.answer(&DeleteGroupsResponse::default().with_results(refused));
    }
    let if_unreachable = || {
        let own = sorted.own.iter().map(|name| result(&name.shown, request.row.unreachable_code()));
        DeleteGroupsResponse::default().with_results(own.chain(refused.iter().cloned()).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    message.groups_names = own_groups::real(&sorted.own);
    let withheld = Withheld::DeleteGroups(Box::new(Asked { own: sorted.own, refused }));
    request.forward_prepared(&message, withheld, request.patience(NAMES_NO_TIME), if_unreachable)
}

/// The refused groups come last, as with Kafka.
pub(super) fn restore(answer: &Answer<'_>, asked: &Asked) -> Result<Restored, Fault> {
    let mut message = answer.decode::<DeleteGroupsResponse>()?;
    let mut left: Vec<&Name> = asked.own.iter().collect();
    for result in &mut message.results {
        result.group_id = own_groups::take(&mut left, &result.group_id)?.shown.clone();
    }
    message.results.extend(asked.refused.iter().cloned());
    answer.encoded(&message, false)
}

fn result(shown: &GroupId, error_code: i16) -> DeletableGroupResult {
    DeletableGroupResult::default().with_group_id(shown.clone()).with_error_code(error_code)
}
