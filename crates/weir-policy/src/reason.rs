//! Why not: the closed list of refusals.
//!
//! Must never: carry data of the request (a reason is one name in the log, the metric and the docs), or grow an
//! `Other`.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident, $name:literal, $sentence:literal;)*) => {
        /// Why policy said no. Expected, never a fault. `weir-kafka` alone maps it to Kafka's codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Reason {
            /// Every reason, once.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name that logs, metrics, docs and `weir explain` share.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for people.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

reasons! {
    /// A name that no Kafka topic can have.
    TopicNameInvalid, "topic-name-invalid", "No Kafka topic can have this name.";
    /// The topic is Kafka's own, or `never.yaml` names it.
    TopicNever, "topic-never", "The topic is one that must never leave.";
    /// The first key is missing.
    TopicNotInCatalogue, "topic-not-in-catalogue", "The topic is not in the catalogue.";
    /// The topic is suspended: it is as if the catalogue did not have it.
    TopicSuspended, "topic-suspended", "An operator has suspended the topic.";
    /// The second key is missing.
    TopicNotGranted, "topic-not-granted", "The topic is in the catalogue, but not granted to this principal.";
    /// The catalogue lets it leave only while it is compacted: it is as if the topic were not there.
    TopicNotCompacted, "topic-not-compacted",
        "The topic may leave only while its cluster compacts it, and no broker confirms that now.";
    /// A topic id that stands for nothing the principal may see.
    TopicIdUnknown, "topic-id-unknown", "The topic id stands for no topic that this principal may see.";
    /// Anything but Read, Describe and DescribeConfigs of a granted topic.
    TopicReadOnly, "topic-read-only", "Topics can be read and described here, nothing else.";
    /// A group id that Weir does not carry.
    GroupNameInvalid, "group-name-invalid",
        "A group id has 1 to 249 printable ASCII characters, none of them a slash.";
    /// A group id without the principal's prefix, where prefixes are written out.
    GroupOutsideNamespace, "group-outside-namespace", "The group id does not begin with this principal's namespace.";
    /// A group of something else than consumers.
    GroupProtocolType, "group-protocol-type", "Only groups of consumers are served.";
    /// Anything but Read, Describe and Delete of an own group.
    GroupOperation, "group-operation", "This operation on groups is not served.";
    /// Transactions are for producers.
    TransactionalIdNotServed, "transactional-id-not-served", "Transactions are not served.";
    /// An operation on the whole cluster.
    ClusterOperation, "cluster-operation", "Operations on the cluster are not served.";
    /// No identity rule knows the certificate.
    PrincipalUnknown, "principal-unknown", "The certificate belongs to no principal.";
    /// One rule finds two principals in one certificate.
    PrincipalAmbiguous, "principal-ambiguous", "The certificate belongs to more than one principal.";
    /// The principal is suspended.
    PrincipalSuspended, "principal-suspended", "An operator has suspended the principal.";
    /// The certificate is suspended, by its serial number.
    CertificateSuspended, "certificate-suspended", "An operator has suspended this certificate.";
    /// Everybody is suspended.
    AllSuspended, "all-suspended", "An operator has suspended everybody.";
    /// The client's address is outside the principal's CIDRs.
    AddressNotAllowed, "address-not-allowed", "The principal may not connect from this address.";
    /// The tier's connections are all in use.
    PrincipalConnections, "principal-connections", "The principal has as many connections as its tier allows.";
    /// The groups of the tier are all there.
    QuotaGroups, "quota-groups", "The principal has as many groups as its limits allow.";
    /// The members of a group are all there.
    QuotaMembers, "quota-members", "The group has as many members as the principal's limits allow.";
    /// The brokers are being asked how much of it there is.
    QuotaBeingCounted, "quota-being-counted",
        "The brokers are being asked how many members or committed partitions there are; try again.";
    /// Which groups there are is not known yet: nothing new is made until it is.
    QuotaNotCounted, "quota-not-counted", "It is not known yet how many groups the principal has; try again.";
    /// Too many joins for longer than anybody may be made to wait.
    QuotaJoins, "quota-joins", "The principal joins groups more often than its limits allow.";
    /// Offsets are not kept for this principal.
    QuotaOffsets, "quota-offsets", "The principal's tier keeps no offsets on the brokers.";
    /// More partitions are committed than can be paid back in the longest time that anybody is made to wait.
    QuotaCommitRate, "quota-commit-rate", "The principal commits more partitions than its limits allow.";
    /// As many partitions have a committed offset as may have one.
    QuotaCommitted, "quota-committed", "As many partitions have a committed offset as the principal's limits allow.";
    /// The metadata of a committed offset is too long.
    QuotaCommitMetadata, "quota-commit-metadata", "The metadata of the offset is longer than the principal's limits allow.";
    /// Too many look-ups by time.
    QuotaTimestampLookups, "quota-timestamp-lookups", "The principal looks up more offsets by time than its limits allow.";
    /// A request that is well formed, but of a kind that Weir does not serve.
    RequestShape, "request-shape", "Requests of this shape are not served.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Reason {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let names: std::collections::HashSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for name in names {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        }
    }
}
