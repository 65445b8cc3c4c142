//! The metrics of the process, as `/metrics` gives them.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::audit::AuditLines;
use super::beyond::Beyond;
use super::collector::Sums;
use super::compaction::Compaction;
use super::counters::WorkerCounters;
use super::files::Files;
use super::logins::{LoginSeries, Logins};
use super::principal_series::PrincipalSeries;
use super::principals::Principals;
use super::ready::ReadyNow;
use super::retention::Retention;
use super::top::TopPage;
use crate::accounts::Accounts;
use crate::admin::Readiness;
use crate::close_reason::CloseReason;
use crate::live::ReloadStatus;

/// All metrics. Its clones are the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    door: Arc<WorkerCounters>,
    principals: Arc<Principals>,
    began: Instant,
}

impl Metrics {
    /// The metrics of these workers, of the door before them, of the files, of the principals, and of Weir's own logins.
    #[must_use]
    pub(crate) fn new(
        workers: Vec<Arc<WorkerCounters>>,
        files: Arc<ReloadStatus>,
        accounts: &Arc<Accounts>,
        readiness: Readiness,
        logins: Vec<LoginSeries>,
    ) -> Self {
        let principals = Arc::clone(&accounts.seen);
        let door = Arc::new(WorkerCounters::default());
        let mut registry = Registry::with_prefix("weir");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        let all = workers.into_iter().chain([Arc::clone(&door)]).collect();
        registry.register_collector(Box::new(ReadyNow(readiness)));
        registry.register_collector(Box::new(Sums(all)));
        registry.register_collector(Box::new(AuditLines(files.audit.clone())));
        registry.register_collector(Box::new(Beyond(Arc::clone(accounts))));
        registry.register_collector(Box::new(Retention(Arc::clone(&accounts.retention))));
        registry.register_collector(Box::new(Compaction(Arc::clone(&accounts.compaction))));
        registry.register_collector(Box::new(Logins(logins)));
        registry.register_collector(Box::new(Files(files)));
        registry.register_collector(Box::new(PrincipalSeries(Arc::clone(&principals))));
        Self { registry: Arc::new(registry), door, principals, began: Instant::now() }
    }

    /// A connection was accepted and closed before a worker saw it.
    pub fn refused_at_the_door(&self, reason: CloseReason) {
        self.door.accepted();
        self.door.closed(reason);
    }

    /// What each principal does, for `weir top`.
    #[must_use]
    pub fn top(&self) -> TopPage {
        TopPage::new(self.began.elapsed(), self.principals.look())
    }

    /// The text of a scrape, in the OpenMetrics format.
    ///
    /// # Errors
    /// A defect of the encoder.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use weir_kafka::outcome::{AnswerSource, Ending, Outcome, Refusals, Told};
    use weir_kafka::table;
    use weir_policy::Reason;

    use super::*;
    use crate::observe::Spent;

    fn fetch(refused: usize) -> Outcome {
        let received = Instant::now();
        let mut refusals = Refusals::default();
        if refused > 0 {
            refusals.add(Reason::TopicNotGranted, refused);
        }
        Outcome {
            row: table::row(table::FETCH).unwrap(),
            version: 13,
            source: AnswerSource::Broker,
            ending: Ending::Answered,
            refusals,
            request_bytes: 100,
            response_bytes: 1_000,
            received,
            judged: received,
            sent_upstream: true,
            upstream_answered: Some(received + Duration::from_millis(2)),
            meanwhile: Told::default(),
            ended: received + Duration::from_millis(3),
        }
    }

    /// A worker takes and answers a Fetch: 3 ms for the broker, 1 ms for Weir.
    fn serve(worker: &WorkerCounters, refused: usize) {
        let outcome = fetch(refused);
        worker.taken(outcome.row);
        worker.request(&outcome, &Spent::of(&outcome, outcome.received + Duration::from_millis(4), Duration::ZERO));
    }

    fn has(page: &str, line: &str) {
        assert!(page.lines().any(|written| written == line), "{line} is not in\n{page}");
    }

    #[test]
    fn a_scrape_sums_the_workers() {
        let workers: Vec<_> = (0..2).map(|_| Arc::new(WorkerCounters::default())).collect();
        let metrics = Metrics::new(workers.clone(), Arc::default(), &Arc::default(), Readiness::default(), Vec::new());
        workers[0].accepted();
        workers[0].authenticated();
        workers[1].accepted();
        workers[1].closed(CloseReason::TlsNoCert);
        serve(&workers[0], 0);
        workers[0].taken(fetch(0).row);
        serve(&workers[1], 2);
        metrics.refused_at_the_door(CloseReason::IpConnections);
        let page = metrics.encode().unwrap();
        has(&page, "weir_connections_accepted_total 3");
        has(&page, "weir_connections_open 1");
        has(&page, r#"weir_connections_closed_total{reason="tls-no-cert",fault="client"} 1"#);
        has(&page, r#"weir_connections_closed_total{reason="ip-conns",fault="client"} 1"#);
        has(&page, r#"weir_handshakes_total{result="ok"} 1"#);
        has(&page, r#"weir_handshakes_total{result="failed"} 1"#);
        has(&page, r#"weir_requests_total{api="Fetch",result="ok"} 1"#);
        has(&page, r#"weir_requests_total{api="Fetch",result="refused"} 1"#);
        has(&page, r#"weir_refused_total{reason="topic-not-granted"} 2"#);
        has(&page, r#"weir_bytes_total{direction="to-clients"} 2000"#);
        has(&page, r#"weir_request_seconds_count{api="Fetch"} 2"#);
        for (part, bound) in [("request", "0.005"), ("upstream", "0.005"), ("own", "0.001"), ("client", "0.000025")] {
            has(&page, &format!(r#"weir_{part}_seconds_bucket{{le="{bound}",api="Fetch"}} 2"#));
        }
        has(&page, r#"weir_requests_taken_total{api="Fetch"} 3"#);
        has(&page, r#"weir_requests_in_flight{api="Fetch"} 1"#);
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn hostile_q20_the_number_of_series_is_constant() {
        let worker = Arc::new(WorkerCounters::default());
        let metrics =
            Metrics::new(vec![Arc::clone(&worker)], Arc::default(), &Arc::default(), Readiness::default(), Vec::new());
        let before = metrics.encode().unwrap().lines().count();
        serve(&worker, 1);
        worker.closed(CloseReason::Malformed);
        assert_eq!(metrics.encode().unwrap().lines().count(), before);
    }
}
