//! What can be wrong, and at which step: a closed list. Each has one name, one sentence for what is wrong, and one for
//! what to do, by the consumer or by the operator. `docs/clients/doctor.md` has the same table.
//!
//! Must never: name as one fault what only the operator can tell apart. Where Weir says no more by design, the sentence
//! names all that it may be, and what the operator types to see which.

use super::step::Step;

/// Who has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever has the bundle.
    Consumer,
    /// Whoever runs Weir.
    Operator,
}

impl Who {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Operator => "operator",
        }
    }
}

/// Makes the enum and all that is said of its values from one table.
macro_rules! faults {
    ($($variant:ident $step:expr, $who:ident $name:literal $wrong:literal $fix:literal $reasons:expr,)+) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault {
            $($variant,)+
        }

        impl Fault {
            /// All of them, in the order of the steps.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The step at which it shows; none where it may be any that asks the server something.
            pub(crate) fn step(self) -> Option<Step> {
                match self { $(Self::$variant => $step,)+ }
            }

            /// Who has to do something.
            pub(crate) fn who(self) -> Who {
                match self { $(Self::$variant => Who::$who,)+ }
            }

            /// What is wrong, in a sentence. `PRINCIPAL`, `TOPIC` and `ADDRESS` stand for what they say.
            pub(crate) fn wrong(self) -> &'static str {
                match self { $(Self::$variant => $wrong,)+ }
            }

            /// What to do, in a sentence.
            pub(crate) fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)+ }
            }

            /// What Weir calls it, in its log, its metrics and `docs/refusals.md`: one of these.
            pub(crate) fn reasons(self) -> &'static [&'static str] {
                match self { $(Self::$variant => $reasons,)+ }
            }
        }
    };
}

faults! {
    BundleUnreadable Some(Step::Bundle), Consumer "bundle-unreadable"
        "A file of the bundle cannot be used."
        "Name the directory of the unpacked bundle (`--bundle DIR`), as the user who owns it; if it is that, unpack it again, or ask the operator for a new one."
        &[],
    KeyMissing Some(Step::Bundle), Consumer "key-missing"
        "The private key is not in the bundle."
        "Put the key that was made with the certificate signing request there as `client.key`, or name it: `--key FILE`."
        &[],
    KeyMismatch Some(Step::Bundle), Consumer "key-mismatch"
        "The private key is not the one of the certificate."
        "Give the key that was made with the certificate signing request (`--key FILE`); if it is lost, ask for a new certificate."
        &[],
    KeyWeak Some(Step::Bundle), Consumer "key-weak"
        "The certificate's key is weaker than RSA-2048 or P-256: Weir refuses it."
        "Make a new key and certificate signing request, and ask the operator to sign it."
        &["tls-weak-key"],

    NameUnknown Some(Step::Dns), Consumer "name-unknown"
        "The server's name has no address."
        "Look whether the name resolves elsewhere: if it does, it is this network's DNS; if not, tell the operator."
        &[],
    DnsSilent Some(Step::Dns), Consumer "dns-silent"
        "The name servers of this machine do not answer."
        "Look at this machine's DNS settings (`/etc/resolv.conf`) and at its network."
        &[],

    ConnectionRefused Some(Step::Tcp), Consumer "connection-refused"
        "Nothing listens at this address and port."
        "Compare host and port with what the operator published; if they are right, tell the operator: Weir does not run there."
        &[],
    ConnectionTimeout Some(Step::Tcp), Consumer "connection-timeout"
        "Nobody answers at this address and port: packets are dropped on the way."
        "Have outgoing TCP to this port let through your firewall; if it is, ask the operator whether theirs lets ADDRESS in."
        &[],
    NetworkUnreachable Some(Step::Tcp), Consumer "network-unreachable"
        "This machine has no way to the server's address."
        "Look at this machine's network; with an IPv6 address, whether it has IPv6."
        &[],

    ClosedBeforeTls Some(Step::Tls), Operator "closed-before-tls"
        "The server takes the connection and closes it before a byte was sent: it does not let this address in, or too many connections come from it."
        "Ask the operator to look with `weir explain PRINCIPAL read TOPIC --ip ADDRESS`, and which reason `weir_connections_closed_total` counts."
        &["address-not-allowed", "ip-rate", "ip-conns", "shed-handshake", "unauthenticated-conns", "process-conns", "audit-blocked", "proxy-protocol"],
    PlaintextKafka Some(Step::Tls), Consumer "plaintext-kafka"
        "Kafka without TLS answers on this port."
        "Use the port that the operator published for TLS."
        &[],
    PlainHttp Some(Step::Tls), Consumer "plain-http"
        "A web server without TLS answers on this port."
        "Use the port that the operator published for Kafka."
        &[],
    NotTls Some(Step::Tls), Consumer "not-tls"
        "What answers on this port does not speak TLS."
        "Compare host and port with what the operator published."
        &[],
    TlsSilent Some(Step::Tls), Consumer "tls-silent"
        "The server takes the connection and does not answer the TLS greeting in time."
        "Compare host and port with what the operator published; if they are right, look for a firewall that holds TLS back."
        &["tls-timeout"],
    TlsVersion Some(Step::Tls), Consumer "tls-version"
        "This machine and the server have no TLS version or cipher suite in common."
        "Compare host and port with what the operator published: Weir speaks TLS 1.3."
        &["tls-version", "tls-no-suite"],
    ServerNameRefused Some(Step::Tls), Consumer "server-name-refused"
        "The server says that it does not go by the name in the bundle."
        "Use the host name that the operator published, not an address or a name of your own for it."
        &["tls-bad-sni"],
    ServerUntrusted Some(Step::Tls), Consumer "server-untrusted"
        "The server's certificate does not come from the CA of the bundle."
        "Compare host and port with what the operator published and look for a proxy that opens TLS; if the operator changed the CA, ask for the new `ca.pem`."
        &["tls-refused"],
    ServerName Some(Step::Tls), Operator "server-name"
        "The server's certificate is not for the name that the bundle connects to."
        "Compare the name with what the operator published; if it is right, the operator has to issue the server certificate with it."
        &["tls-refused"],
    ServerCertificateBad Some(Step::Tls), Operator "server-certificate-bad"
        "The server's certificate cannot be used."
        "Tell the operator to look at it with `weir check`."
        &["tls-refused"],
    CertificateUntrusted Some(Step::Tls), Operator "certificate-untrusted"
        "The server does not trust our certificate: its CA is not one of this server's, or no revocation list of that CA is in force there."
        "Compare host and port with the bundle's; if they are right, the operator has to look at `client_ca` and at the age of the revocation list."
        &["tls-untrusted", "tls-revoked"],
    CertificateRevoked Some(Step::Tls), Operator "certificate-revoked"
        "Our certificate is revoked."
        "Ask the operator for a new certificate."
        &["tls-revoked"],
    CertificateRefused Some(Step::Tls), Operator "certificate-refused"
        "The server cannot use our certificate: it is damaged, or not one for clients."
        "Ask the operator for a new certificate."
        &["tls-bad-cert", "tls-untrusted", "tls-weak-key"],
    TlsBroken Some(Step::Tls), Operator "tls-broken"
        "The TLS handshake failed."
        "Compare host and port with what the operator published; if they are right, show the operator these lines."
        &["tls-internal", "tls-misbehaved"],

    ClockOff Some(Step::Dates), Consumer "clock-off"
        "The clock of this machine is wrong."
        "Set the clock, and let NTP keep it."
        &[],
    ClocksDiffer Some(Step::Dates), Consumer "clocks-differ"
        "By this machine's clock our certificate is valid, and by the server's it is not: one of the two clocks is wrong."
        "Compare this machine's clock with another; if it is right, tell the operator."
        &["tls-expired", "tls-not-yet-valid"],
    CertificateExpired Some(Step::Dates), Operator "certificate-expired"
        "Our certificate has expired."
        "Ask the operator for a new certificate, and start the programs with it."
        &["tls-expired"],
    CertificateNotYetValid Some(Step::Dates), Operator "certificate-not-yet-valid"
        "Our certificate is not valid yet."
        "Wait until it is, or ask the operator for one that is."
        &["tls-not-yet-valid"],
    ServerCertificateDates Some(Step::Dates), Operator "server-certificate-dates"
        "The server's certificate is not valid now."
        "Compare this machine's clock with another; if it is right, the operator has to renew the server certificate."
        &["tls-refused"],

    Suspended Some(Step::Principal), Operator "suspended"
        "The operator has suspended the principal, its certificate, or everybody."
        "Ask the operator, who sees which in the directory `suspended` of the policy, and ends it with `weir resume`."
        &["principal-suspended", "certificate-suspended", "all-suspended"],
    PrincipalUnknown Some(Step::Principal), Operator "principal-unknown"
        "Our certificate is valid, and belongs to no principal or to more than one."
        "The operator has to put what stands in the certificate into one principal's file, under `certificate`."
        &["principal-unknown", "principal-ambiguous"],
    ClosedAfterTls Some(Step::Principal), Operator "closed-after-tls"
        "The server knows our certificate and closes the connection: the principal may not come from this address, or has as many connections as its tier allows, or opens them too fast."
        "Stop other programs of this principal and try again; else the operator sees which with `weir explain PRINCIPAL read TOPIC --ip ADDRESS` and `weir top`."
        &["principal-address", "principal-conns", "principal-rate"],
    PrincipalOther Some(Step::Principal), Operator "principal-other"
        "Our certificate is another principal's than the bundle says."
        "Ask the operator for a new bundle."
        &[],

    TopicRefused Some(Step::Topics), Operator "topic-refused"
        "The principal may not read this topic now: it is not granted, or not any more, or an operator has suspended it."
        "Compare the name with the bundle's; if it is right, the operator sees which with `weir explain PRINCIPAL read TOPIC`."
        &["topic-not-granted", "topic-suspended", "topic-not-in-catalogue", "topic-never", "topic-name-invalid"],
    TopicAbsent Some(Step::Topics), Operator "topic-absent"
        "The principal may read this topic, and the brokers do not have it, or it is closed for now."
        "Tell the operator: the topic was deleted, is not mirrored yet, or is not compacted as it must be."
        &["topic-not-compacted"],
    NoTopics Some(Step::Topics), Operator "no-topics"
        "The principal may read no topic that exists."
        "The operator has to write a grant into the principal's file, under `read`."
        &["topic-not-granted", "topic-suspended", "topic-not-compacted"],

    GroupName Some(Step::Group), Consumer "group-name"
        "The principal may not use this group id."
        "Use one that begins as the README of the bundle says: 1 to 249 printable characters, no slash."
        &["group-outside-namespace", "group-name-invalid"],
    QuotaGroups Some(Step::Group), Consumer "quota-groups"
        "The principal has as many groups as its tier allows."
        "Delete groups that are not used, or ask the operator: `weir groups list --principal PRINCIPAL` shows them."
        &["quota-groups"],
    QuotaMembers Some(Step::Group), Consumer "quota-members"
        "The group has as many members as the tier allows."
        "Stop some of them, or give another group with `--group`."
        &["quota-members"],
    GroupInUse Some(Step::Group), Consumer "group-in-use"
        "Programs read in this group now: what is done to it would disturb them."
        "Give another group with `--group`, or stop them first; members that died are in it until their session ends."
        &[],
    GroupBusy Some(Step::Group), Operator "group-busy"
        "The group could not be joined in time: its coordinator is not there, or the principal joins more often than its tier allows."
        "Wait a minute and try again; then ask the operator, who sees which with `weir check --live` and `weir top --sort refusals`."
        &["quota-joins", "quota-not-counted", "quota-being-counted"],

    QuotaLookups Some(Step::Lookup), Consumer "quota-lookups"
        "The principal looks up more offsets by time than its tier allows."
        "Wait a minute and try again, or look up a topic at a time with `--topic`."
        &["quota-timestamp-lookups"],
    NoTimes Some(Step::Lookup), Operator "no-times"
        "The brokers keep this topic in a form that has no times: nothing can be looked up by time in it."
        "Give `--at earliest` or `--at latest`, or tell the operator."
        &[],

    NoRecords Some(Step::Record), Operator "no-records"
        "The topic holds no record: it may be read, and there is nothing to read."
        "Wait until something is written, or give another topic with `--topic`; if something should be there, tell the operator."
        &[],
    RecordsWithheld Some(Step::Record), Operator "records-withheld"
        "The topic holds records, and none came in time."
        "Wait a minute and try again: too much may have been read already; then ask the operator, who sees it with `weir top`."
        &[],
    RecordsDamaged Some(Step::Record), Operator "records-damaged"
        "What came in the place of a record is none."
        "Show the operator these lines."
        &[],

    OffsetsDenied Some(Step::Commit), Consumer "offsets-denied"
        "The tier of the principal keeps no offsets on the brokers: reading works, committing does not."
        "Turn automatic commits off, and keep the offsets yourself."
        &["quota-offsets"],
    QuotaCommits Some(Step::Commit), Consumer "quota-commits"
        "The principal commits more, or has more committed partitions, than its tier allows."
        "Commit less often, and delete groups that are not used."
        &["quota-commit-rate", "quota-committed"],
    CommitLost Some(Step::Commit), Operator "commit-lost"
        "What was committed is not there afterwards."
        "Show the operator these lines."
        &[],

    BrokerUnavailable None, Operator "broker-unavailable"
        "The broker that leads the partition, or coordinates the group, is not there."
        "Wait a minute and try again; then tell the operator, who sees it with `weir check --live`."
        &["upstream-unreachable"],
    BrokerUnreachable None, Operator "broker-unreachable"
        "The address that the server shows for one of its brokers cannot be connected to."
        "Have that address let through your firewall and your DNS; if it is, the operator has to look at `advertise`."
        &[],
    NotKafka None, Consumer "not-kafka"
        "What answers behind TLS is not Kafka."
        "Compare host and port with what the operator published."
        &[],
    ApiMissing None, Operator "api-missing"
        "The server does not serve a request that every consumer makes."
        "Ask the operator: an operator suspends an API with `weir suspend api`, or the brokers do not have it."
        &["api-suspended"],
    NoAnswer None, Operator "no-answer"
        "The server did not answer in time."
        "Try again; then tell the operator."
        &["upstream-timeout"],
    ConnectionLost None, Operator "connection-lost"
        "The server closed the connection in the middle of it."
        "Try again; then the operator sees why in `weir_connections_closed_total`."
        &["revoked-live", "suspended-live", "upstream-lost", "api-suspended", "drain"],
    Refused None, Operator "refused"
        "The server refused with a code that is not expected here."
        "Show the operator these lines."
        &[],
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::Path;

    use weir_policy::Reason;
    use weir_server::close_reason::CloseReason;

    use super::*;

    #[test]
    fn every_fault_has_its_own_name_and_whole_sentences() {
        let names: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            let name = fault.name();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
            for sentence in [fault.wrong(), fault.fix()] {
                let starts = sentence.starts_with(|first: char| first.is_ascii_uppercase());
                let whole = starts && sentence.ends_with('.');
                assert!(whole && !sentence.contains(". "), "one sentence: {sentence}");
            }
        }
    }

    #[test]
    fn what_weir_calls_it_is_what_weir_calls_it() {
        let closes = CloseReason::ALL.iter().map(|reason| reason.name().to_owned());
        let known: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).chain(closes).collect();
        for fault in Fault::ALL {
            for reason in fault.reasons() {
                assert!(known.contains(*reason), "{}: {reason}", fault.name());
            }
        }
    }

    /// `WEIR_BLESS=1` writes it anew.
    #[test]
    fn the_page_has_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients/doctor.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (before, after) = page.split_once("<!-- table -->\n").unwrap();
        let after = after.split_once("<!-- end -->").unwrap().1;
        let mut table = String::from(
            "| step | fault | what is wrong | what to do | who | Weir's own names |\n|---|---|---|---|---|---|\n",
        );
        for fault in Fault::ALL {
            let step = fault.step().map_or("any", Step::name);
            let reasons: Vec<_> = fault.reasons().iter().map(|reason| format!("`{reason}`")).collect();
            let (name, who) = (fault.name(), fault.who().name());
            let reasons = reasons.join(", ");
            writeln!(table, "| {step} | `{name}` | {} | {} | {who} | {reasons} |", fault.wrong(), fault.fix()).unwrap();
        }
        let written = format!("{before}<!-- table -->\n{table}<!-- end -->{after}");
        if std::env::var_os("WEIR_BLESS").is_some() {
            std::fs::write(&path, &written).unwrap();
        } else {
            assert!(page == written, "docs/clients/doctor.md is not of this code: WEIR_BLESS=1 writes it anew");
        }
    }
}
