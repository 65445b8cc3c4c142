//! DescribeCluster: answered by Weir, from the brokers as they are shown.
//!
//! Must never: tell a real address, a rack but by its public label, or anything of the controllers (trap L20).

use bytes::Bytes;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};
use kafka_protocol::protocol::StrBytes;

use super::metadata::{NOT_ASKED, shown_brokers};
use super::{Judged, Request};
use crate::answer::{Deferred, LocalAnswer};
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::refusal::{code, sentence_of};

/// Endpoint type of brokers.
const BROKERS: i8 = 1;
/// Endpoint type of controllers.
const CONTROLLERS: i8 = 2;

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let message = request.decode::<DescribeClusterRequest>()?;
    if request.version >= 1 && message.endpoint_type != BROKERS {
        let error_code = match message.endpoint_type {
            CONTROLLERS => code::MISMATCHED_ENDPOINT_TYPE,
            _ => code::UNSUPPORTED_ENDPOINT_TYPE,
        };
        let response = DescribeClusterResponse::default()
            .with_error_code(error_code)
            .with_error_message(Some(StrBytes::from_static_str(sentence_of(error_code))))
            .with_endpoint_type(BROKERS);
        return request.answer(&response);
    }
    Ok(Judged::Answer(LocalAnswer::Deferred(Deferred::DescribeCluster { request: message })))
}

pub(super) fn answer(request: &DescribeClusterRequest, version: i16, env: &Env<'_>) -> Result<Bytes, Fault> {
    let shown = shown_brokers(env);
    let broker = |address: &crate::advertise::ShownAddress| {
        let rack = env.view.and_then(|view| view.racks.shown(address.id.real()));
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(address.id.0))
            .with_host(StrBytes::from_string(address.host.clone()))
            .with_port(i32::from(address.port))
            .with_rack(rack.map(|rack| StrBytes::from_string(rack.to_owned())))
    };
    let operations = if request.include_cluster_authorized_operations { 0 } else { NOT_ASKED };
    let controller = shown.first().map_or(-1, |address| address.id.0);
    let response = DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_string(env.cluster_id.0.clone()))
        .with_controller_id(BrokerId(controller))
        .with_brokers(shown.iter().map(broker).collect())
        .with_cluster_authorized_operations(operations);
    codec::encode(&response, version).ok_or(Fault::NotEncodable)
}
