//! Liveness, readiness, metrics and what `weir top` shows, for this machine alone; metrics alone for others, where the
//! configuration names their networks.
//!
//! Must never: change anything, tell anything else than metrics beyond loopback, or hold up the data path: few
//! connections, each with an end.

mod door;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{self, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::config::{self, Machine};
use crate::observe::Metrics;
use crate::service_manager::Pulse;
use door::Bounded;

/// How long a worker may be silent until the process does not live. systemd's watchdog is as long.
const SILENCE: Duration = Duration::from_secs(10);

/// Whether Weir can serve now.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    /// Why it cannot; nothing where it can.
    pub against: Vec<String>,
    /// What an operator should know, and that keeps nobody from being served.
    pub notes: Vec<String>,
    /// By the name of an upstream, why its clients cannot be served: what is against those of another is left out.
    pub upstreams: BTreeMap<String, Vec<String>>,
}

/// Tells whether Weir can serve.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> Ready + Send + Sync>);

impl Readiness {
    /// Readiness by a function, which must not wait.
    pub fn new(now: impl Fn() -> Ready + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Whether Weir can serve now.
    pub(crate) fn now(&self) -> Ready {
        (self.0)()
    }
}

impl Default for Readiness {
    /// It can, always.
    fn default() -> Self {
        Self::new(Ready::default)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Readiness").field(&(self.0)()).finish()
    }
}

/// Serves until the runtime ends.
pub(crate) async fn serve(listener: TcpListener, readiness: Readiness, pulse: Pulse, metrics: Metrics) {
    let observed = Observed::new(metrics);
    let routes = Router::new()
        .route("/livez", get(alive).with_state(pulse))
        .route("/readyz", get(ready_now).with_state(readiness.clone()))
        .route("/readyz/{upstream}", get(upstream_ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(observed.clone()))
        .route("/top", get(top).with_state(observed));
    run(Bounded::new(listener), routes).await;
}

/// Serves metrics to these networks, and nothing else to anybody, until the runtime ends.
pub(crate) async fn serve_metrics(listener: TcpListener, allow: Vec<IpNet>, metrics: Metrics) {
    let routes = Router::new().route("/metrics", get(scrape).with_state(Observed::new(metrics)));
    run(Bounded::from_networks(listener, allow), routes).await;
}

async fn run(door: Bounded, routes: Router) {
    if let Err(error) = axum::serve(door, routes).await {
        tracing::error!(%error, "the admin server ended");
    }
}

/// This thread answers, so it lives; the workers are asked in turn.
async fn alive(State(pulse): State<Pulse>) -> Response {
    let silent = pulse.silent();
    if silent < SILENCE {
        return "ok\n".into_response();
    }
    let told = format!("a worker has not answered for {} s\n", silent.as_secs());
    (StatusCode::SERVICE_UNAVAILABLE, told).into_response()
}

async fn ready_now(State(readiness): State<Readiness>) -> Response {
    let Ready { against, notes, .. } = readiness.now();
    told(&against, &notes)
}

/// For whoever sends clients to one cluster: the others are no concern of theirs.
async fn upstream_ready(State(readiness): State<Readiness>, asked: extract::Path<String>) -> Response {
    let Ready { notes, upstreams, .. } = readiness.now();
    match upstreams.get(asked.as_str()) {
        Some(against) => told(against, &notes),
        None => (StatusCode::NOT_FOUND, "the configuration has no such upstream\n").into_response(),
    }
}

fn told(against: &[String], notes: &[String]) -> Response {
    let (status, first) =
        if against.is_empty() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let lines: String = against.iter().chain(notes).map(|line| format!("{line}\n")).collect();
    (status, format!("{first}\n{lines}")).into_response()
}

/// What takes a while where there are many principals: made one at a time, and not on the thread that accepts clients.
#[derive(Clone)]
struct Observed {
    metrics: Metrics,
    turn: Arc<Semaphore>,
}

impl Observed {
    fn new(metrics: Metrics) -> Self {
        Self { metrics, turn: Arc::new(Semaphore::new(1)) }
    }

    async fn page(self, kind: &'static str, make: fn(&Metrics) -> Option<Vec<u8>>) -> Response {
        let turn = self.turn.acquire_owned().await;
        let made = tokio::task::spawn_blocking(move || make(&self.metrics)).await;
        drop(turn);
        match made {
            Ok(Some(page)) => ([(header::CONTENT_TYPE, kind)], page).into_response(),
            Ok(None) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

async fn scrape(State(observed): State<Observed>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    observed.page(OPEN_METRICS, |metrics| metrics.encode().ok().map(String::into_bytes)).await
}

async fn top(State(observed): State<Observed>) -> Response {
    observed.page("application/json", |metrics| serde_json::to_vec(&metrics.top()).ok()).await
}

/// Where a Weir with this configuration has its admin server, whatever else is wrong with that.
///
/// # Errors
/// The configuration cannot be read.
pub fn address(config: &Path) -> Result<SocketAddr, String> {
    let text = fs::read_to_string(config)
        .map_err(|error| format!("{}: {error}; `-c FILE` names the configuration", config.display()))?;
    let (config, _) = config::read(config, &text, Machine::here()).map_err(|errors| errors.to_string())?;
    Ok(config.admin.bind)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::door::LIFETIME;
    use super::*;

    async fn request(address: SocketAddr, line: &str) -> String {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(format!("{line} HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn start(ready: Arc<AtomicBool>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reasons = move || {
            let against = match ready.load(Ordering::Relaxed) {
                true => Vec::new(),
                false => vec!["upstream main: no broker has answered".to_owned()],
            };
            Ready { against, notes: vec!["not in force: acl/tiers.yaml:1:1: no".to_owned()], ..Ready::default() }
        };
        tokio::spawn(serve(listener, Readiness::new(reasons), Pulse::default(), no_metrics()));
        address
    }

    fn no_metrics() -> Metrics {
        Metrics::new(Vec::new(), Arc::default(), &Arc::default(), Readiness::default(), Vec::new())
    }

    #[tokio::test]
    async fn readiness_tells_the_reasons_against_it() {
        let ready = Arc::new(AtomicBool::new(false));
        let address = start(Arc::clone(&ready)).await;
        let answer = request(address, "GET /readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("upstream main: no broker has answered"), "{answer}");
        ready.store(true, Ordering::Relaxed);
        let answer = request(address, "GET /readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "a note takes nobody out of service: {answer}");
        assert!(answer.ends_with("ready\nnot in force: acl/tiers.yaml:1:1: no\n"), "{answer}");
        assert!(request(address, "GET /livez").await.ends_with("ok\n"));
    }

    #[tokio::test]
    async fn metrics_and_what_principals_do_are_there_and_nothing_else_is() {
        let address = start(Arc::default()).await;
        let page = request(address, "GET /metrics").await;
        assert!(page.contains("openmetrics-text") && page.contains("weir_connections_open 0"), "{page}");
        let page = request(address, "GET /top").await;
        assert!(page.contains("application/json") && page.contains(r#""principals":[]"#), "{page}");
        assert!(request(address, "POST /livez").await.starts_with("HTTP/1.1 405"));
        assert!(request(address, "GET /").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn beyond_loopback_there_are_metrics_alone_and_for_the_networks_that_are_named() {
        let door = |allow: &'static str| async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(serve_metrics(listener, vec![allow.parse().unwrap()], no_metrics()));
            address
        };
        let address = door("127.0.0.0/8").await;
        assert!(request(address, "GET /metrics").await.contains("weir_connections_open 0"));
        for path in ["/top", "/readyz", "/livez", "/"] {
            assert!(request(address, &format!("GET {path}")).await.starts_with("HTTP/1.1 404"), "{path}");
        }
        let address = door("192.0.2.0/24").await;
        for _ in 0..40 {
            let mut tcp = TcpStream::connect(address).await.unwrap();
            // The connection may be gone already.
            let _ = tcp.write_all(b"GET /metrics HTTP/1.1\r\nhost: weir\r\n\r\n").await;
            let mut answer = Vec::new();
            let read = tcp.read_to_end(&mut answer).await;
            assert!(answer.is_empty(), "{read:?}: {answer:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_with_a_silent_worker_does_not_live() {
        let pulse = Pulse::default();
        let status = |pulse: &Pulse| {
            let pulse = pulse.clone();
            async move { alive(State(pulse)).await.status() }
        };
        assert_eq!(status(&pulse).await, StatusCode::OK);
        tokio::time::advance(SILENCE).await;
        assert_eq!(status(&pulse).await, StatusCode::SERVICE_UNAVAILABLE);
        pulse.beat();
        assert_eq!(status(&pulse).await, StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn hostile_o13_a_connection_that_says_nothing_ends() {
        let address = start(Arc::default()).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(LIFETIME * 2, silent.read_to_end(&mut answer)).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    }
}
