//! Topics by id.
//!
//! Must never: let the time tell a hidden id from an unknown one (trap L3).

use std::borrow::Cow;

use uuid::Uuid;
use weir_policy::{Operation, Resource};

use crate::cluster::TopicView;
use crate::env::Env;

/// The topic with this id, and the name that clients see, where the principal may do this to it. In the place of a
/// topic that is not there another one is refused.
pub(super) fn allowed<'a>(env: &Env<'a>, operation: Operation, id: Uuid) -> Option<(Cow<'a, str>, &'a TopicView)> {
    let (found, name, topic) = env.view?.topic_beside_id(id)?;
    if found != id {
        env.refuse_absent(operation, &name);
        return None;
    }
    env.judge(operation, Resource::Topic(&name)).ok().map(|()| (name, topic))
}
