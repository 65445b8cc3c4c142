//! Liveness, readiness, metrics and what `weir top` shows, for this machine alone.
//!
//! Must never: change anything, listen beyond loopback (the configuration refuses it), or hold up the data path: few
//! connections, each with an end.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use crate::config::{self, Machine};
use crate::observe::Metrics;

/// Connections at once.
const CONNECTIONS: usize = 32;

/// How long one connection may live, whatever it does.
const LIFETIME: Duration = Duration::from_secs(30);

/// Whether Weir can serve now.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    /// Why it cannot; nothing where it can.
    pub against: Vec<String>,
    /// What an operator should know, and that keeps nobody from being served.
    pub notes: Vec<String>,
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
pub async fn serve(listener: TcpListener, readiness: Readiness, metrics: Metrics) {
    let observed = Observed { metrics, turn: Arc::new(Semaphore::new(1)) };
    let routes = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready_now).with_state(readiness))
        .route("/metrics", get(scrape).with_state(observed.clone()))
        .route("/top", get(top).with_state(observed));
    let bounded = Bounded { listener, places: Arc::new(Semaphore::new(CONNECTIONS)) };
    if let Err(error) = axum::serve(bounded, routes).await {
        tracing::error!(%error, "the admin server ended");
    }
}

async fn ready_now(State(readiness): State<Readiness>) -> Response {
    let Ready { against, notes } = readiness.now();
    let (status, first) =
        if against.is_empty() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let lines: String = against.iter().chain(&notes).map(|line| format!("{line}\n")).collect();
    (status, format!("{first}\n{lines}")).into_response()
}

/// What takes a while where there are many principals: made one at a time, and not on the thread that accepts clients.
#[derive(Clone)]
struct Observed {
    metrics: Metrics,
    turn: Arc<Semaphore>,
}

impl Observed {
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
    Ok(config.admin)
}

/// Accepts a connection only where there is a place for it; the others wait in the kernel.
struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Mortal;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (tcp, address) = Listener::accept(&mut self.listener).await;
        (Mortal { tcp, end: Box::pin(tokio::time::sleep(LIFETIME)), _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that breaks when its time is over.
struct Mortal {
    tcp: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Mortal {
    /// Lets `step` have its turn while there is time.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Ready(ready!(step(Pin::new(&mut self.tcp), context)))
    }
}

impl AsyncRead for Mortal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context, |tcp, context| tcp.poll_read(context, buffer))
    }
}

impl AsyncWrite for Mortal {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.in_time(context, |tcp, context| tcp.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, |tcp, context| tcp.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, |tcp, context| tcp.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
            Ready { against, notes: vec!["not in force: acl/tiers.yaml:1:1: no".to_owned()] }
        };
        tokio::spawn(serve(
            listener,
            Readiness::new(reasons),
            Metrics::new(Vec::new(), Arc::default(), &Arc::default(), Readiness::default()),
        ));
        address
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

    #[tokio::test(start_paused = true)]
    async fn hostile_o13_a_connection_that_says_nothing_ends() {
        let address = start(Arc::default()).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(LIFETIME * 2, silent.read_to_end(&mut answer)).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    }
}
