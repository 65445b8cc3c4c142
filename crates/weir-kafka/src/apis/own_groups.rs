//! What the requests about groups as such share: which of them are the principal's, under which two names, and what of
//! a group is shown.
//!
//! Must never: let a name of the brokers' through, or tell a group that is absent from one that is somebody else's.

use std::collections::HashMap;

use kafka_protocol::messages::GroupId;
use kafka_protocol::protocol::{Encodable, StrBytes};
use weir_policy::{Operation, Resource};

use super::{Judged, NAMES_NO_TIME, Request, Withheld, operations};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

/// Where each member's client is, to who describes the group: nowhere. Brokers know no more than Weir's own address.
/// It has the form of Java's addresses, which brokers write, so that who cuts the slash off and reads an address can.
pub(super) const NO_HOST: StrBytes = StrBytes::from_static_str("/0.0.0.0");

/// A request that names groups.
pub(super) trait NamesGroups: Encodable {
    /// A group in the answer.
    type Group: Clone;
    type Answer: Encodable;

    /// What it is to do to each group.
    const OPERATION: Operation;

    fn groups(&mut self) -> &mut Vec<GroupId>;

    /// A group of which nothing is said but this code.
    fn failed(shown: &GroupId, error_code: i16) -> Self::Group;

    /// An answer about the principal's own groups and about refused ones, in Kafka's order.
    fn answer(own: Vec<Self::Group>, refused: Vec<Self::Group>) -> Self::Answer;
}

/// What was asked, and what of it was refused, as it returns.
#[derive(Debug)]
pub(crate) struct Asked<G> {
    pub own: Vec<Name>,
    pub refused: Vec<G>,
}

/// A group that was asked for and may be.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub real: GroupId,
    pub shown: GroupId,
}

/// Judges each group: the principal's own go to the broker, under the brokers' names.
pub(super) fn judge<M: NamesGroups>(
    request: &Request<'_>,
    mut message: M,
    refusals: &mut Refusals,
    withheld: impl FnOnce(Asked<M::Group>) -> Withheld,
) -> Result<Judged, Fault> {
    let asked = sort::<M>(request, std::mem::take(message.groups()), refusals);
    if asked.own.is_empty() {
        return request.answer(&M::answer(Vec::new(), asked.refused));
    }
    let if_unreachable = request.if_unreachable(|| {
        let own = asked.own.iter().map(|name| M::failed(&name.shown, request.row.unreachable_code()));
        M::answer(own.collect(), asked.refused.clone())
    })?;
    *message.groups() = asked.own.iter().map(|name| name.real.clone()).collect();
    request.forward_prepared(&message, withheld(asked), request.patience(NAMES_NO_TIME), if_unreachable)
}

fn sort<M: NamesGroups>(request: &Request<'_>, groups: Vec<GroupId>, refusals: &mut Refusals) -> Asked<M::Group> {
    let mut asked = Asked { own: Vec::with_capacity(groups.len()), refused: Vec::new() };
    for shown in groups {
        match request.real_group_for(M::OPERATION, &shown) {
            Ok(real) => asked.own.push(Name { real, shown }),
            Err(reason) => {
                refusals.add(reason, 1);
                asked.refused.push(M::failed(&shown, code_of(reason)));
            }
        }
    }
    asked
}

impl<G: Clone> Asked<G> {
    /// The groups of the broker's answer behind the refused ones: each with its names, and as `show` shows it.
    pub(super) fn described(
        &self,
        groups: Vec<G>,
        id: impl Fn(&G) -> &GroupId,
        show: impl Fn(G, &Name) -> G,
    ) -> Result<Vec<G>, Fault> {
        let mut left = self.left();
        let mut all = self.refused.clone();
        for group in groups {
            let name = left.take(id(&group))?;
            all.push(show(group, name));
        }
        Ok(all)
    }

    /// Those that the broker has not answered yet.
    pub(super) fn left(&self) -> Unanswered<'_, Name> {
        Unanswered::new(&self.own, |name| &name.real)
    }
}

/// What was asked about groups and is not answered yet, by the brokers' names: of as many as a request may name, each is
/// found as fast as of one (trap A25).
pub(super) struct Unanswered<'a, T>(HashMap<&'a GroupId, Vec<&'a T>>);

impl<'a, T> Unanswered<'a, T> {
    pub(super) fn new(asked: &'a [T], real: impl Fn(&'a T) -> &'a GroupId) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::with_capacity(asked.len());
        // The first asking is the first to be taken, from the end.
        for one in asked.iter().rev() {
            by_name.entry(real(one)).or_default().push(one);
        }
        Self(by_name)
    }

    /// What a group in the broker's answer was asked as. A group that is asked for twice has two answers (trap C35).
    pub(super) fn take(&mut self, real: &GroupId) -> Result<&'a T, Fault> {
        self.0.get_mut(real).and_then(Vec::pop).ok_or(Fault::BrokerUnasked)
    }
}

/// A broker's sentence about a group, with the name that the client knows; none where it is not one of those that are
/// known, for it could name anything (trap L24).
pub(super) fn sentence(said: Option<&StrBytes>, name: &Name) -> Option<StrBytes> {
    let (before, after) = said?.split_once(&**name.real)?;
    let known = before == "Group " && KNOWN_ENDS.contains(&after);
    known.then(|| StrBytes::from_string([before, &**name.shown, after].concat()))
}

/// How brokers end a sentence about a group.
const KNOWN_ENDS: [&str; 3] = [" not found.", " is not a classic group.", " is not a consumer group."];

/// What the principal may do to a group of its own, as Kafka writes it: a bit for each operation.
pub(super) fn operations(env: &Env<'_>, group: &GroupId) -> i32 {
    operations::bits(|operation| env.judge(operation, Resource::Group(group)).is_ok())
}
