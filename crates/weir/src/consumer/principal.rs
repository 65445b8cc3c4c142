//! What principal the certificate becomes: DescribeAcls, which anybody may ask of itself.
//!
//! Must never: be satisfied with another principal than the bundle's.

use kafka_protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};

use super::connection::Connection;
use super::fault::Fault;
use super::finding::{Finding, Passed};
use super::visit::{Visit, code, name_of};

/// Any, in each field of a filter.
const ANY: i8 = 1;
/// Resource type of topics.
const TOPIC: i8 = 2;
/// Pattern type of one name.
const LITERAL: i8 = 3;
/// Kafka writes this before a principal's name.
const USER: &str = "User:";
/// As many grants are told.
const MOST: usize = 50;

/// Asks who we are.
pub(crate) fn identify(visit: &Visit<'_>, connection: &mut Connection) -> Result<Passed, Finding> {
    if visit.versions.newest::<DescribeAclsRequest>(1).is_none() {
        return Ok(Passed::new("the server does not say who we are: it does not serve DescribeAcls"));
    }
    let filter = DescribeAclsRequest::default()
        .with_resource_type_filter(ANY)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(ANY)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY);
    let answer = visit.ask(connection, 1, &filter, visit.deadline())?;
    if answer.error_code != code::NONE {
        return Ok(Passed::new(format!("the server does not say who we are: error {}", answer.error_code)));
    }
    let grants = grants(&answer);
    let Some(name) = name(&answer) else {
        return Ok(Passed::new("the server does not say who we are: it lists no right of ours"));
    };
    let expected = &visit.bundle.manifest.principal;
    if name != *expected {
        let (name, expected) = (name_of(&name), name_of(expected));
        let seen = format!("the server says `{name}`, the bundle `{expected}`");
        return Err(Finding::new(Fault::PrincipalOther, seen).with("principal", name).with("expected", expected));
    }
    let name = name_of(&name);
    Ok(Passed::new(format!("the certificate is {name}")).with("principal", name).with("granted", grants))
}

/// Every right of ours has our name.
fn name(answer: &DescribeAclsResponse) -> Option<String> {
    let acl = answer.resources.iter().flat_map(|resource| &resource.acls).next()?;
    acl.principal.strip_prefix(USER).map(str::to_owned)
}

/// The topics that were granted; prefixes end with a star.
fn grants(answer: &DescribeAclsResponse) -> Vec<String> {
    let topics = answer.resources.iter().filter(|resource| resource.resource_type == TOPIC).take(MOST);
    let told = topics.map(|topic| {
        let star = if topic.pattern_type == LITERAL { "" } else { "*" };
        format!("{}{star}", name_of(&topic.resource_name))
    });
    told.collect()
}
