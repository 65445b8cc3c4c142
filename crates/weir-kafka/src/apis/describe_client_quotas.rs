//! DescribeClientQuotas: Kafka's quotas on the client itself. No tier has a rate, so that a sound question has an empty
//! answer: that of a cluster where nobody has a quota.
//!
//! Must never: show the quotas that the brokers hold, which name their users.

use std::collections::HashSet;

use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Judged, Request};
use crate::fault::Fault;
use crate::refusal::{code, sentence_of};

/// The entity of addresses, which stands alone.
const IP: &str = "ip";
/// The other entities.
const OTHERS: [&str; 2] = ["user", "client-id"];

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let message = request.decode::<DescribeClientQuotasRequest>()?;
    let response = match check(&message.components) {
        Ok(()) => DescribeClientQuotasResponse::default().with_entries(Some(Vec::new())),
        Err(error_code) => DescribeClientQuotasResponse::default()
            .with_error_code(error_code)
            .with_error_message(Some(StrBytes::from_static_str(sentence_of(error_code))))
            .with_entries(None),
    };
    request.answer(&response)
}

/// Kafka's rules for a filter, in its order: the first that is broken gives the code.
fn check(components: &[ComponentData]) -> Result<(), i16> {
    let mut seen = HashSet::with_capacity(components.len());
    for component in components {
        let entity: &str = &component.entity_type;
        if entity.is_empty() || !seen.insert(entity) {
            return Err(code::INVALID_REQUEST);
        }
        if entity != IP && !OTHERS.contains(&entity) {
            return Err(code::UNSUPPORTED_VERSION);
        }
        // A name goes with an exact match (0), and with neither the default entity (1) nor any entity (2).
        if !matches!((component.match_type, &component._match), (0, Some(_)) | (1 | 2, None)) {
            return Err(code::INVALID_REQUEST);
        }
    }
    if seen.contains(IP) && seen.len() > 1 { Err(code::INVALID_REQUEST) } else { Ok(()) }
}
