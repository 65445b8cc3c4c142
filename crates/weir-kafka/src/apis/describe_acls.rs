//! DescribeAcls: what the client was granted, in Kafka's own terms. Any principal may ask that of itself.
//!
//! Must never: show a grant of somebody else, or what the brokers' own authorizer holds.

use std::borrow::Cow;

use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Operation, OwnGroups, Principal};

use super::{Judged, Request, operations};
use crate::env::Env;
use crate::fault::Fault;
use crate::wire::Malformed;

/// A code that stands for nothing, in every field of the filter that has codes.
const UNKNOWN: i8 = 0;
/// The code that stands for all of them, in every field of the filter that has codes.
const ANY: i8 = 1;
/// Resource type of topics.
const TOPIC: i8 = 2;
/// Resource type of groups.
const GROUP: i8 = 3;
/// Pattern type of a filter: whatever pattern meets the name.
const MATCH: i8 = 2;
/// Pattern type: one name, or a star for all.
const LITERAL: i8 = 3;
/// Pattern type: all names that begin so.
const PREFIXED: i8 = 4;
/// Permission type.
const ALLOW: i8 = 3;
/// Every host, and every name.
const STAR: &str = "*";

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let filter = request.decode::<DescribeAclsRequest>()?;
    let codes = [filter.resource_type_filter, filter.pattern_type_filter, filter.operation, filter.permission_type];
    if codes.contains(&UNKNOWN) {
        // Kafka takes it for no request at all.
        return Err(Fault::Malformed(Malformed::UnknownCode));
    }
    let own = user(request.env.principal);
    let resources = bindings(request.env).into_iter().filter_map(|binding| binding.shown(&filter, &own));
    request.answer(&DescribeAclsResponse::default().with_resources(resources.collect()))
}

/// Kafka's name of a principal.
fn user(principal: &Principal) -> StrBytes {
    StrBytes::from_string(format!("User:{}", principal.name))
}

/// What is allowed on the resources of one pattern.
struct Binding<'a> {
    resource_type: i8,
    pattern_type: i8,
    name: Cow<'a, str>,
    allows: fn(Operation) -> bool,
}

/// The grants by name, those by prefix, and the own groups. A topic that is suspended is not there.
fn bindings<'a>(env: &Env<'a>) -> Vec<Binding<'a>> {
    let principal = env.principal;
    let is_given = |topic: &&str| env.judge_in_group(Operation::Describe, topic).is_ok();
    let mut topics: Vec<&str> = principal.granted_topics().filter(is_given).collect();
    topics.sort_unstable();
    let topics = topics.into_iter().map(|name| (LITERAL, name));
    let prefixes = principal.granted_prefixes().map(|name| (PREFIXED, name));
    let granted = topics.chain(prefixes).map(|(pattern_type, name)| Binding {
        resource_type: TOPIC,
        pattern_type,
        name: Cow::Borrowed(name),
        allows: Operation::given_by_grant,
    });
    let (pattern_type, name) = match principal.own_groups() {
        OwnGroups::Any => (LITERAL, Cow::Borrowed(STAR)),
        OwnGroups::Prefix(prefix) => (PREFIXED, Cow::Owned(prefix)),
    };
    let own = Binding { resource_type: GROUP, pattern_type, name, allows: Operation::given_on_own_groups };
    granted.chain([own]).collect()
}

impl Binding<'_> {
    /// What of it the filter lets through.
    fn shown(&self, filter: &DescribeAclsRequest, user: &StrBytes) -> Option<DescribeAclsResource> {
        let everywhere = filter.host_filter.as_ref().is_none_or(|host| **host == *STAR);
        let own = filter.principal_filter.as_ref().is_none_or(|principal| principal == user);
        let allow = [ANY, ALLOW].contains(&filter.permission_type);
        if !(everywhere && own && allow && self.meets(filter)) {
            return None;
        }
        let wanted = |operation: &i8| [ANY, *operation].contains(&filter.operation);
        let allowed = Operation::ALL.into_iter().filter(|operation| (self.allows)(*operation));
        let acls: Vec<_> =
            allowed.map(operations::code).filter(wanted).map(|operation| described(operation, user)).collect();
        (!acls.is_empty()).then(|| {
            DescribeAclsResource::default()
                .with_resource_type(self.resource_type)
                .with_resource_name(StrBytes::from_string(self.name.clone().into_owned()))
                .with_pattern_type(self.pattern_type)
                .with_acls(acls)
        })
    }

    /// Kafka's rule: a filter for a pattern type compares names, and one for whatever matches applies the pattern.
    fn meets(&self, filter: &DescribeAclsRequest) -> bool {
        let typed = [ANY, self.resource_type].contains(&filter.resource_type_filter);
        let patterned = [ANY, MATCH, self.pattern_type].contains(&filter.pattern_type_filter);
        let named = filter.resource_name_filter.as_ref().is_none_or(|name| {
            let applied = filter.pattern_type_filter == MATCH && self.covers(name);
            applied || **name == *self.name
        });
        typed && patterned && named
    }

    fn covers(&self, name: &str) -> bool {
        match self.pattern_type {
            PREFIXED => name.starts_with(&*self.name),
            _ => self.name == STAR,
        }
    }
}

fn described(operation: i8, user: &StrBytes) -> AclDescription {
    AclDescription::default()
        .with_principal(user.clone())
        .with_host(StrBytes::from_static_str(STAR))
        .with_operation(operation)
        .with_permission_type(ALLOW)
}
