//! What a heartbeat subscribes to: what it changes of what is known of the member, with a pattern turned into names.
//!
//! A heartbeat says only what changed: a pattern or a list that is null is as before, an empty pattern is none any
//! more. A pattern adds to the list, and is resolved over the topics that exist and that the principal may see. It is
//! resolved again when the policy or the topics have changed since, and if that gives other names, they go up although
//! the member said nothing. What is known changes when the brokers have accepted it, as it does with them.
//!
//! A member that is not known (Weir was started anew, or it was forgotten) keeps what it had: those names were allowed
//! when they went up. Whether it has a pattern cannot be seen, so if a heartbeat of it that says nothing is accepted,
//! it is told NOT_COORDINATOR, once: Java and librdkafka look for the coordinator, say all again and lose no partition.
//! Must never: let a pattern through, or a name that is not judged now.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_policy::Operation;

use super::super::Request;
use crate::cluster::ClusterView;
use crate::env::Env;
use crate::subscriptions::{Known, ListMark, MemberKey, Subscription, TopicPattern};

/// The first version with a pattern.
const WITH_PATTERN: i16 = 1;

/// A member whose subscription is followed, and what its heartbeat means if the brokers accept it.
#[derive(Debug)]
pub(crate) struct Followed {
    member: MemberKey,
    then: Then,
}

/// What an accepted heartbeat means.
#[derive(Debug)]
pub(super) enum Then {
    /// This is what the member subscribes to.
    Keep(Arc<Subscription>),
    /// It subscribes to what it did.
    AsBefore,
    /// The member has left.
    Forget,
    /// The member said nothing, and what it said before is not known.
    SayAllAgain,
}

/// Why a heartbeat goes nowhere.
pub(super) enum NotFollowed {
    /// The pattern is none, or over a bound.
    NotAPattern,
    /// The cluster was never reached: no topic is known.
    NothingKnown,
}

impl Followed {
    /// The brokers have accepted the heartbeat.
    pub(super) fn accepted(&self, env: &Env<'_>) -> &Then {
        match &self.then {
            Then::Keep(now) => env.subscriptions.keep(self.member.clone(), Known::Subscription(now.clone()), env.now),
            Then::AsBefore => {}
            Then::Forget => env.subscriptions.forget(&self.member),
            Then::SayAllAgain => env.subscriptions.keep(self.member.clone(), Known::Asked, env.now),
        }
        &self.then
    }

    /// The brokers have no such member.
    pub(super) fn unknown(&self, env: &Env<'_>) {
        env.subscriptions.forget(&self.member);
    }
}

/// Takes the pattern out of a heartbeat whose names are judged, and puts in the names that it stands for. Nothing where
/// nothing is to be remembered.
pub(super) fn follow(
    request: &Request<'_>,
    message: &mut ConsumerGroupHeartbeatRequest,
) -> Result<Option<Followed>, NotFollowed> {
    let pattern = message.subscribed_topic_regex.take();
    if message.member_id.is_empty() {
        // Version 0 joins so, and has no pattern. The brokers refuse later ones.
        return Ok(None);
    }
    let member = MemberKey {
        principal: request.env.principal.name.clone(),
        group: message.group_id.to_string(),
        member: message.member_id.to_string(),
    };
    if message.member_epoch < 0 {
        return Ok(Some(Followed { member, then: Then::Forget }));
    }
    let says_nothing = pattern.is_none() && message.subscribed_topic_names.is_none();
    let before = match request.env.subscriptions.recall(&member, request.env.now) {
        Some(Known::Subscription(before)) => before,
        Some(Known::Asked) if says_nothing => return Ok(Some(Followed { member, then: Then::AsBefore })),
        None if request.version < WITH_PATTERN => return Ok(None),
        // A list alone is that of a member without a pattern: who has both says both.
        None if message.member_epoch > 0 && message.subscribed_topic_names.is_none() => {
            return Ok(Some(Followed { member, then: Then::SayAllAgain }));
        }
        Some(Known::Asked) | None => Arc::default(),
    };
    let now = change(request, message, pattern.as_deref(), &before)?;
    if let Some(now) = &now
        && before.accepted.is_some()
        && before.accepted != now.accepted
    {
        // Until the brokers answer nobody knows which of the two lists they have, and whether they ever answer.
        let unsure = Subscription { accepted: None, ..Subscription::clone(&before) };
        request.env.subscriptions.keep(member.clone(), Known::Subscription(Arc::new(unsure)), request.env.now);
    }
    let then = now.map_or(Then::AsBefore, |now| Then::Keep(Arc::new(now)));
    Ok(Some(Followed { member, then }))
}

/// What the member subscribes to now, or nothing where that is as before.
fn change(
    request: &Request<'_>,
    message: &mut ConsumerGroupHeartbeatRequest,
    pattern: Option<&str>,
    before: &Subscription,
) -> Result<Option<Subscription>, NotFollowed> {
    let says_nothing = pattern.is_none() && message.subscribed_topic_names.is_none();
    let names = message.subscribed_topic_names.as_ref().map_or_else(|| Arc::clone(&before.names), |names| kept(names));
    let new_pattern = match pattern {
        None => before.pattern.clone(),
        Some("") => None,
        Some(pattern) => Some(pattern.into()),
    };
    let Some(text) = &new_pattern else {
        if pattern.is_some() {
            message.subscribed_topic_names = Some(topic_names(&allowed(request, &names)));
        }
        return Ok((!says_nothing).then(|| Subscription { names, ..Subscription::default() }));
    };
    let view = request.env.view.ok_or(NotFollowed::NothingKnown)?;
    let resolved_at = request.env.generations();
    if says_nothing && before.resolved_at == resolved_at && before.accepted.is_some() {
        return Ok(None);
    }
    let compiled = TopicPattern::compile(text).ok_or(NotFollowed::NotAPattern)?;
    let mut list = allowed(request, &names);
    resolve(request, view, &compiled, &mut list);
    let accepted = Some(ListMark::of(&list));
    let has_changed = before.accepted != accepted;
    message.subscribed_topic_names =
        (has_changed || (!says_nothing && asks_for_all(message))).then(|| topic_names(&list));
    Ok(Some(Subscription { names, pattern: new_pattern, resolved_at, accepted }))
}

/// Whether brokers take the heartbeat for one that tells all and wants its whole assignment: they know it by these
/// fields, and by the names that must stand beside them then.
fn asks_for_all(message: &ConsumerGroupHeartbeatRequest) -> bool {
    message.member_epoch == 0 || (message.rebalance_timeout_ms >= 0 && message.topic_partitions.is_some())
}

/// Adds the topics that a pattern matches: of those that exist, what the principal may see.
fn resolve(request: &Request<'_>, view: &ClusterView, pattern: &TopicPattern, list: &mut BTreeSet<Box<str>>) {
    for topic in view.topics.keys() {
        let shown = topic.shown_name();
        if request.env.judge_in_group(Operation::Describe, &shown).is_ok() && pattern.matches(&shown) {
            list.insert(shown.into());
        }
    }
}

/// Listed names, as far as they may be listed now.
fn allowed(request: &Request<'_>, names: &[Box<str>]) -> BTreeSet<Box<str>> {
    names.iter().filter(|name| request.env.judge_in_group(Operation::Describe, name).is_ok()).cloned().collect()
}

/// Copies: what the request's own bytes hold would be kept whole.
fn kept(names: &[TopicName]) -> Arc<[Box<str>]> {
    names.iter().map(|name| Box::from(&***name as &str)).collect()
}

fn topic_names(list: &BTreeSet<Box<str>>) -> Vec<TopicName> {
    list.iter().map(|name| TopicName(StrBytes::from_string(name.to_string()))).collect()
}
