//! What was beyond the limits of principals, all together: with `observe`, what a limit would have done.
//!
//! Must never: have a label that names a principal: of all limits and all principals, those would be too many series.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use weir_policy::Mode;

use super::collector::{counter, describe};
use crate::accounts::Accounts;

/// By limit and mode, which are closed lists.
#[derive(Debug)]
pub(super) struct Beyond(pub(super) Arc<Accounts>);

impl Collector for Beyond {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What was beyond a limit of its principal, in the limit's unit, by the limit and its mode";
        let mut metric = describe(&mut encoder, "quota_beyond", help, MetricType::Counter)?;
        for (limit, mode, amount) in self.0.beyond() {
            let mode = match mode {
                Mode::Observe => "observe",
                Mode::Throttle => "throttle",
                Mode::Deny => "deny",
            };
            counter(&mut metric, &[("limit", limit.name()), ("mode", mode)], amount)?;
        }
        Ok(())
    }
}
