//! What one broker says of the principal's groups, asked by Weir itself.
//!
//! Must never: let a group of anybody else's through.

use std::collections::HashMap;

use weir_kafka::advertise::Target;
use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{ClusterView, RealBrokerId, VersionRange};
use weir_kafka::discovery::{self, CLASSIC, CONSUMER, ListedGroup, Said};
use weir_kafka::table;

use super::{AT_ONCE, Group};
use crate::operator::speaker::{AskError, Scene};
use crate::upstream::{Caller, ControlConnection};

/// The principal's groups that one broker coordinates.
pub(super) async fn of_broker(scene: &Scene, view: &ClusterView, broker: RealBrokerId) -> Result<Vec<Group>, AskError> {
    let mut connection = scene.cluster.exchange_with(Target::Broker(broker), Caller::Weir).await?;
    let version = spoken(view, table::LIST_GROUPS, 0, 5).ok_or(AskError::NotServed("ListGroups"))?;
    let answer;
    (connection, answer) = connection.ask(&OwnRequest::ListGroups { version }).await?;
    let listed = discovery::read_listed_groups(version, &answer)?;
    let own: Vec<(ListedGroup, String)> = listed
        .into_iter()
        .filter_map(|group| {
            let shown = scene.principal.shown_group(&group.name)?.as_str().to_owned();
            Some((group, shown))
        })
        .collect();
    let members;
    (connection, members) = members_of(connection, view, &own).await?;
    let committed;
    (_, committed) = committed_of(connection, view, &own).await?;
    let group = |(listed, name): (ListedGroup, String)| Group {
        upstream: scene.upstream.clone(),
        name,
        members: members.get(&listed.name).copied(),
        partitions: committed.get(&listed.name).copied(),
        state: listed.state,
        protocol: listed.protocol,
        broker,
    };
    Ok(own.into_iter().map(group).collect())
}

/// The newest version of an API from `min` to `max` that every broker speaks.
fn spoken(view: &ClusterView, key: i16, min: i16, max: i16) -> Option<i16> {
    view.versions.get(&key)?.intersect(VersionRange { min, max }).map(|range| range.max)
}

/// How many members each group has, where the brokers tell.
async fn members_of(
    mut connection: ControlConnection,
    view: &ClusterView,
    own: &[(ListedGroup, String)],
) -> Result<(ControlConnection, HashMap<String, usize>), AskError> {
    let mut members = HashMap::new();
    let classic = spoken(view, table::DESCRIBE_GROUPS, 0, 5);
    let consumer = spoken(view, table::CONSUMER_GROUP_DESCRIBE, 0, 1);
    for (protocol, version) in [(CLASSIC, classic), (CONSUMER, consumer)] {
        let names: Vec<String> =
            own.iter().filter(|(group, _)| group.protocol == protocol).map(|(group, _)| group.name.clone()).collect();
        let Some(version) = version else { continue };
        for groups in names.chunks(AT_ONCE) {
            let groups = groups.to_vec();
            let answer;
            let told = if protocol == CLASSIC {
                (connection, answer) = connection.ask(&OwnRequest::DescribeGroups { version, groups }).await?;
                discovery::read_classic_members(version, &answer)?
            } else {
                (connection, answer) = connection.ask(&OwnRequest::ConsumerGroupDescribe { version, groups }).await?;
                discovery::read_members(version, &answer)?
            };
            members.extend(told.into_iter().filter_map(known));
        }
    }
    Ok((connection, members))
}

/// For how many partitions each group has an offset, where the brokers tell.
async fn committed_of(
    mut connection: ControlConnection,
    view: &ClusterView,
    own: &[(ListedGroup, String)],
) -> Result<(ControlConnection, HashMap<String, usize>), AskError> {
    let mut committed = HashMap::new();
    let Some(version) = spoken(view, table::OFFSET_FETCH, 2, 8) else { return Ok((connection, committed)) };
    let at_once = if version >= discovery::FIRST_WITH_GROUPS { AT_ONCE } else { 1 };
    for groups in own.chunks(at_once) {
        let groups: Vec<String> = groups.iter().map(|(group, _)| group.name.clone()).collect();
        let asked = groups.first().cloned().unwrap_or_default();
        let answer;
        (connection, answer) = connection.ask(&OwnRequest::OffsetFetch { version, groups }).await?;
        committed.extend(discovery::read_committed(version, &answer, &asked)?.into_iter().filter_map(known));
    }
    Ok((connection, committed))
}

/// How many there are, where it is known.
pub(super) fn known<T>((name, said): (String, Said<Vec<T>>)) -> Option<(String, usize)> {
    match said {
        Said::Known(all) => Some((name, all.len())),
        Said::NoSuchGroup | Said::Failed(_) => None,
    }
}
