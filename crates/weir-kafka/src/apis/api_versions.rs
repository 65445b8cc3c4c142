//! ApiVersions: answered by Weir, from the table and what every broker of the upstream serves.
//!
//! Must never: advertise what Weir does not decode, or tell a feature, an epoch or a key of the brokers (trap L21).

use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use super::{Judged, Request};
use crate::answer::{Deferred, LocalAnswer};
use crate::cluster::VersionRange;
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::refusal::code;
use crate::software::ClientSoftware;
use crate::table::{Disposition, Row, TABLE};

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let message = request.decode::<ApiVersionsRequest>()?;
    if request.version >= 3 && said_by(&message).is_none() {
        return request.answer(&ApiVersionsResponse::default().with_error_code(code::INVALID_REQUEST));
    }
    Ok(Judged::Answer(LocalAnswer::Deferred(Deferred::ApiVersions)))
}

pub(super) fn answer(version: i16, env: &Env<'_>) -> Result<Bytes, Fault> {
    let response = ApiVersionsResponse::default().with_api_keys(advertised(env));
    codec::encode(&response, version).ok_or(Fault::NotEncodable)
}

/// The answer to a version that is not served, in the form of version 0 (KIP-511).
pub(crate) fn unsupported_version(row: &Row) -> Option<Bytes> {
    let own = ApiVersion::default()
        .with_api_key(row.key)
        .with_min_version(row.versions.min)
        .with_max_version(row.versions.max);
    let response = ApiVersionsResponse::default().with_error_code(code::UNSUPPORTED_VERSION).with_api_keys(vec![own]);
    codec::encode(&response, 0)
}

/// What Weir answers alone it serves whatever the brokers do; the rest only where every broker does.
pub(crate) fn served(row: &Row, env: &Env<'_>) -> Option<VersionRange> {
    match row.disposition {
        Disposition::Forward => row.versions.intersect(*env.view?.versions.get(&row.key)?),
        Disposition::Local | Disposition::Deny => Some(row.versions),
    }
}

fn advertised(env: &Env<'_>) -> Vec<ApiVersion> {
    let entry = |row: &Row| {
        let range = served(row, env)?;
        Some(ApiVersion::default().with_api_key(row.key).with_min_version(range.min).with_max_version(range.max))
    };
    let offered = |row: &&Row| row.advertised && !env.policy.suspends_api(row.name);
    TABLE.iter().filter(offered).filter_map(entry).collect()
}

/// What the client says that it is, where the version has a place for it and it is well said.
pub(crate) fn software(request: &Request<'_>) -> Option<ClientSoftware> {
    said_by(&request.decode::<ApiVersionsRequest>().ok()?)
}

fn said_by(message: &ApiVersionsRequest) -> Option<ClientSoftware> {
    ClientSoftware::new(&message.client_software_name, &message.client_software_version)
}
