//! Authorized operations, as Kafka writes them: a bit for each operation, computed from Weir's own policy.
//!
//! Must never: be a broker's figure, which would show what Weir may do there (trap L27).

use weir_policy::Operation;

/// The bits of those operations that may be done.
pub(super) fn bits(may: impl Fn(Operation) -> bool) -> i32 {
    let allowed = Operation::ALL.into_iter().filter(|operation| may(*operation));
    allowed.fold(0, |bits, operation| bits | 1 << code(operation))
}

/// Kafka's number for an operation, which is the place of its bit, too.
pub(crate) fn code(operation: Operation) -> i8 {
    match operation {
        Operation::Read => 3,
        Operation::Write => 4,
        Operation::Create => 5,
        Operation::Delete => 6,
        Operation::Alter => 7,
        Operation::Describe => 8,
        Operation::ClusterAction => 9,
        Operation::DescribeConfigs => 10,
        Operation::AlterConfigs => 11,
        Operation::IdempotentWrite => 12,
    }
}
