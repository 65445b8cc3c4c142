//! SASL on a TLS listener: Kafka answers ILLEGAL_SASL_STATE and keeps the connection (trap C39).
//!
//! Must never: forward. It would change who Weir is to the broker.

use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Judged, Request};
use crate::fault::Fault;
use crate::refusal::code;

pub(super) fn judge_handshake(request: &Request<'_>) -> Result<Judged, Fault> {
    request.decode::<SaslHandshakeRequest>()?;
    request.answer(&SaslHandshakeResponse::default().with_error_code(code::ILLEGAL_SASL_STATE))
}

pub(super) fn judge_authenticate(request: &Request<'_>) -> Result<Judged, Fault> {
    request.decode::<SaslAuthenticateRequest>()?;
    let message = StrBytes::from_static_str("SaslAuthenticate request received after successful authentication");
    let response =
        SaslAuthenticateResponse::default().with_error_code(code::ILLEGAL_SASL_STATE).with_error_message(Some(message));
    request.answer(&response)
}
