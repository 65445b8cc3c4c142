//! FindCoordinator: groups are renamed, and the coordinator is shown by its address on this listener.
//!
//! It is forwarded, never answered from what is known: a coordinator may have moved (trap C29).
//! Must never: show a real address, or ask for a transaction's or a share group's coordinator (trap L17).

use std::collections::HashMap;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, GroupId};
use kafka_protocol::protocol::StrBytes;
use weir_policy::Reason;

use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::cluster::RealBrokerId;
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of, sentence_of};

/// The first version that asks for several keys.
const BATCHED: i16 = 4;
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
/// The first version that knows share groups.
const SHARED: i16 = 6;

/// What was asked, and what of it was refused.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The name that the brokers know, and the one that the client asked for.
    names: Vec<(StrBytes, StrBytes)>,
    refused: Vec<Coordinator>,
}

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<FindCoordinatorRequest>()?;
    let shown_keys = if request.version < BATCHED {
        vec![std::mem::take(&mut message.key)]
    } else {
        std::mem::take(&mut message.coordinator_keys)
    };
    let mut asked = Asked { names: Vec::with_capacity(shown_keys.len()), refused: Vec::new() };
    for shown in shown_keys {
        match real_key(request, message.key_type, &shown) {
            Ok(real) => asked.names.push((real, shown)),
            Err(reason) => {
                refusals.add(reason, 1);
                asked.refused.push(failed(&shown, code_of(reason)));
            }
        }
    }
    if asked.names.is_empty() {
        return request.answer(&response(request.version, message.key_type, asked.refused));
    }
    let mut real_keys = asked.names.iter().map(|(real, _)| real.clone());
    if request.version < BATCHED {
        message.key = real_keys.next().unwrap_or_default();
    } else {
        message.coordinator_keys = real_keys.collect();
    }
    let if_unreachable = || {
        let unavailable = asked.names.iter().map(|(_, shown)| failed(shown, request.row.unreachable_code()));
        response(request.version, GROUP, unavailable.chain(asked.refused.iter().cloned()).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    request.forward_prepared(
        &message,
        Withheld::FindCoordinator(Box::new(asked)),
        request.patience(NAMES_NO_TIME),
        if_unreachable,
    )
}

pub(super) fn restore(answer: &Answer<'_>, asked: &Asked) -> Result<Restored, Fault> {
    let message = answer.decode::<FindCoordinatorResponse>()?;
    let found = if answer.version < BATCHED {
        let only = Coordinator::default()
            .with_key(asked.names.first().map(|(real, _)| real.clone()).unwrap_or_default())
            .with_node_id(message.node_id)
            .with_error_code(message.error_code);
        vec![only]
    } else {
        message.coordinators
    };
    let mut coordinators = Vec::with_capacity(found.len().saturating_add(asked.refused.len()));
    let names: HashMap<_, _> = asked.names.iter().map(|(real, shown)| (real, shown)).collect();
    for coordinator in found {
        let shown = names.get(&coordinator.key).ok_or(Fault::BrokerUnasked)?;
        coordinators.push(shown_coordinator(shown, &coordinator, answer.env));
    }
    let view_is_stale = coordinators.iter().any(|coordinator| coordinator.error_code != code::NONE);
    coordinators.extend(asked.refused.iter().cloned());
    let restored = response(answer.version, GROUP, coordinators).with_throttle_time_ms(message.throttle_time_ms);
    answer.encoded(&restored, view_is_stale)
}

fn real_key(request: &Request<'_>, key_type: i8, shown: &StrBytes) -> Result<StrBytes, Reason> {
    match key_type {
        GROUP => request.real_group(&GroupId(shown.clone())).map(|GroupId(real)| real),
        TRANSACTION => Err(Reason::TransactionalIdNotServed),
        SHARE if request.version >= SHARED => Err(Reason::ClusterOperation),
        _ => Err(Reason::RequestShape),
    }
}

/// The broker's text is dropped: it may name hosts. A coordinator without a shown address is not available.
fn shown_coordinator(shown: &StrBytes, found: &Coordinator, env: &Env<'_>) -> Coordinator {
    if found.error_code != code::NONE {
        return failed(shown, found.error_code);
    }
    match env.nodes.shown(RealBrokerId(found.node_id.0)) {
        None => failed(shown, code::COORDINATOR_NOT_AVAILABLE),
        Some(address) => Coordinator::default()
            .with_key(shown.clone())
            .with_node_id(BrokerId(address.id.0))
            .with_host(StrBytes::from_string(address.host))
            .with_port(i32::from(address.port)),
    }
}

/// Trap L16: no node, no host, no port.
fn failed(shown: &StrBytes, error_code: i16) -> Coordinator {
    Coordinator::default().with_key(shown.clone()).with_node_id(BrokerId(-1)).with_port(-1).with_error_code(error_code)
}

/// Up to version 3 the one coordinator stands in the answer itself.
fn response(version: i16, key_type: i8, mut coordinators: Vec<Coordinator>) -> FindCoordinatorResponse {
    for coordinator in &mut coordinators {
        let text = error_message(version, key_type, coordinator.error_code);
        coordinator.error_message = Some(StrBytes::from_static_str(text));
    }
    if version >= BATCHED {
        return FindCoordinatorResponse::default().with_coordinators(coordinators);
    }
    let only = coordinators.into_iter().next().unwrap_or_default();
    FindCoordinatorResponse::default()
        .with_error_code(only.error_code)
        .with_error_message(only.error_message)
        .with_node_id(only.node_id)
        .with_host(only.host)
        .with_port(only.port)
}

/// Kafka has a text for each answer about one key, even where nothing failed. Of several keys, it has one only for what
/// fails them all; it looks at a share group's keys one by one to say that their version is too old.
fn error_message(version: i16, key_type: i8, error_code: i16) -> &'static str {
    match error_code {
        code::INVALID_REQUEST if version >= BATCHED && key_type == SHARE => "",
        code::INVALID_REQUEST | code::CLUSTER_AUTHORIZATION_FAILED => sentence_of(error_code),
        _ if version >= BATCHED => "",
        code::NONE => "NONE",
        _ => sentence_of(error_code),
    }
}
