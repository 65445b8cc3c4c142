//! What operators see: the log and the metrics.
//!
//! Must never: make a label from what a client or a broker sent (every set of labels is closed), log a key, a record or
//! a stranger's names, or have two workers write to one cache line.

mod audit;
mod beyond;
mod collector;
mod compaction;
mod counters;
mod files;
mod histogram;
mod latency;
mod log;
mod logins;
mod metrics;
#[cfg(test)]
mod metrics_page;
mod principal_series;
mod principals;
mod ready;
mod retention;
mod top;

pub use counters::WorkerCounters;
pub use latency::Spent;
pub use log::{LinesPerSecond, LogGuard, init_log};
pub(crate) use logins::LoginSeries;
pub use metrics::Metrics;
pub(crate) use principals::{Principals, Tally};
pub use top::{RefusedItems, TopPage, TopPrincipal, TopSoftware};
