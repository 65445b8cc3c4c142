//! `upstreams` alone: the file of an administrator, for `weir check --live --administrator FILE`.
//!
//! Must never: hold a rule. What a value must satisfy stands in `validate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::At;
use super::raw::RawUpstream;

/// An administrator's way to the clusters.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUpstreams {
    /// The clusters, by their names in the configuration.
    pub upstreams: At<BTreeMap<String, At<RawUpstream>>>,
}
