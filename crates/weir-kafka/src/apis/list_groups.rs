//! ListGroups: the connection's own broker lists what it coordinates, and the principal's own groups are shown of it.
//!
//! Each broker lists its part and clients ask all of them, so an error of the broker's is passed on (trap L12). An answer
//! longer than what is held whole ends both connections: there is no partial list.
//! Must never: show a group of anybody else's, or say how many there are.

use kafka_protocol::messages::ListGroupsResponse;
use weir_policy::{Operation, Resource};

use super::{Answer, ForwardBody, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::env::Env;
use crate::fault::Fault;
use crate::skim;
use crate::wire::{put_i32, put_nullable_string, put_unsigned_varint};

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let body = ForwardBody::Encoded(request.known_body()?);
    let failed = || ListGroupsResponse::default().with_error_code(request.row.unreachable_code());
    let if_unreachable = request.if_unreachable(failed)?;
    Ok(request.forward_body(body, Withheld::ListGroups, request.patience(NAMES_NO_TIME), if_unreachable))
}

/// Nothing is decoded: of a cluster's many groups, few are the principal's.
pub(super) fn restore(answer: &Answer<'_>) -> Result<Restored, Fault> {
    let body = answer.passed()?.body;
    let flexible = answer.row.is_flexible(answer.version);
    let mut own = Vec::new();
    let mut count: u32 = 0;
    let show = |real: &str, rest: &[u8]| {
        let Some(shown) = shown(answer.env, real) else { return };
        put_text(&mut own, &shown, flexible);
        own.extend_from_slice(rest);
        count = count.saturating_add(1);
    };
    let list = skim::list(answer.row.response, answer.version, &body, show).map_err(Fault::BrokerMalformed)?;
    let mut out = body.get(..list.start).unwrap_or_default().to_vec();
    if flexible {
        put_unsigned_varint(&mut out, count.saturating_add(1));
    } else {
        put_i32(&mut out, i32::try_from(count).unwrap_or(i32::MAX));
    }
    out.extend_from_slice(&own);
    out.extend_from_slice(body.get(list.end..).unwrap_or_default());
    Ok(Restored { body: out.into(), view_is_stale: false })
}

/// The principal's name of a group, where it has one and may describe it.
fn shown(env: &Env<'_>, real: &str) -> Option<String> {
    let shown = env.principal.shown_group(real)?;
    let judged = env.judge(Operation::Describe, Resource::Group(shown.as_str()));
    judged.is_ok().then(|| shown.as_str().to_owned())
}

fn put_text(out: &mut Vec<u8>, text: &str, flexible: bool) {
    if !flexible {
        return put_nullable_string(out, Some(text));
    }
    put_unsigned_varint(out, u32::try_from(text.len()).unwrap_or(u32::MAX).saturating_add(1));
    out.extend_from_slice(text.as_bytes());
}
