//! Reading far behind, as the configuration limits it for all principals together: as it is written, and checked.
//!
//! Must never: be a limit that is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_policy::{CatchUp, Count, Mode, Rate};

use super::place::At;
use super::units::SizeText;
use super::validate::Check;

/// Reading far behind the high watermark, which brokers do from disk: what all principals may use of it together, through
/// this process. `catch_up` of a tier is each one's own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCatchUp {
    /// Records between what is read and the high watermark: more is far behind. Write about what the brokers' page cache
    /// holds of one partition.
    pub behind: At<u32>,
    /// Bytes of records in a second. At the limit such partitions are answered as if nothing were new in them.
    pub per_second: At<SizeText>,
    /// Bytes at once, after a quiet time.
    pub burst: At<SizeText>,
    /// Partitions at once.
    pub partitions: At<u32>,
    /// What becomes of more than that.
    pub mode: RawCatchUpMode,
}

/// What becomes of more than all principals may read far behind together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawCatchUpMode {
    /// It waits.
    #[default]
    Throttle,
    /// It is counted, as `limits.catch_up.per_second` and `limits.catch_up.partitions` in `weir_quota_beyond_total`, and
    /// nothing else.
    Observe,
}

impl Default for RawCatchUp {
    fn default() -> Self {
        let size = |text: &str| At::unwritten(SizeText(text.to_owned()));
        Self {
            behind: At::unwritten(100_000),
            per_second: size("64MiB"),
            burst: size("512MiB"),
            partitions: At::unwritten(200),
            mode: RawCatchUpMode::default(),
        }
    }
}

pub(super) fn limits(check: &mut Check<'_>, raw: &RawCatchUp) -> CatchUp {
    for (key, written) in [("behind", &raw.behind), ("partitions", &raw.partitions)] {
        check.count(&format!("catch_up.{key}"), written.place, written.value);
    }
    let mut bytes = |key: &str, written| {
        u64::try_from(check.unit(&format!("catch_up.{key}"), written, SizeText::parse)).unwrap_or(u64::MAX)
    };
    let rate = Rate::per_second(bytes("per_second", &raw.per_second), bytes("burst", &raw.burst));
    let partitions = Count::of(raw.partitions.value);
    let (rate, partitions) = match raw.mode {
        RawCatchUpMode::Throttle => (rate, partitions),
        RawCatchUpMode::Observe => (Rate { mode: Mode::Observe, ..rate }, Count { mode: Mode::Observe, ..partitions }),
    };
    CatchUp { behind: raw.behind.value.into(), rate, partitions }
}
