//! DescribeUserScramCredentials: nobody has any here, where certificates say who a client is.
//!
//! Must never: show the users that the brokers know.

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;
use kafka_protocol::messages::{DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Judged, Request};
use crate::fault::Fault;
use crate::refusal::{code, sentence_of};

/// All users are none; of a user that is named, it is said that there is none.
pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let message = request.decode::<DescribeUserScramCredentialsRequest>()?;
    let mut named = BTreeMap::<&StrBytes, usize>::new();
    for user in message.users.iter().flatten() {
        let times = named.entry(&user.name).or_default();
        *times = times.saturating_add(1);
    }
    let results = named
        .into_iter()
        .map(|(user, times)| failed(user, if times > 1 { code::DUPLICATE_RESOURCE } else { code::RESOURCE_NOT_FOUND }));
    request.answer(&DescribeUserScramCredentialsResponse::default().with_results(results.collect()))
}

fn failed(user: &StrBytes, error_code: i16) -> DescribeUserScramCredentialsResult {
    DescribeUserScramCredentialsResult::default()
        .with_user(user.clone())
        .with_error_code(error_code)
        .with_error_message(Some(StrBytes::from_static_str(sentence_of(error_code))))
}
