//! What most rows measure: Weir and the bare relay, each before the same canned broker.

use crate::broker::CannedBroker;
use crate::canned::Answers;
use crate::failure::Failure;
use crate::proxy::Proxy;
use crate::rows::Run;
use crate::tls::Certificates;
use crate::weir::Weir;

/// Two proxies, what is behind them, and what their clients need. All of it ends with the row.
pub struct Stage {
    /// The bare relay.
    pub bare: Proxy,
    /// Weir, with one worker.
    pub weir: Weir,
    /// The broker behind both.
    pub broker: CannedBroker,
    /// What clients compare the broker's answers with.
    pub answers: Answers,
    /// Those of both proxies and their clients.
    pub certificates: Certificates,
}

impl Stage {
    /// Starts both before a broker with small and bulk answers.
    pub fn start(run: &Run) -> Result<Self, Failure> {
        Self::with(run, Answers::new()?, Answers::new()?)
    }

    /// Starts both before a broker with these answers, some of which clients compare.
    pub fn with(run: &Run, all: Answers, compared: Answers) -> Result<Self, Failure> {
        let dir = run.dir.path();
        let certificates = Certificates::make(dir)?;
        let broker = CannedBroker::with(all)?;
        let weir = Weir::start(&run.options.weir, broker.address, &certificates, dir, &run.log("weir"))?;
        let bare = Proxy::relay("relay", broker.address, &certificates)?;
        Ok(Self { bare, weir, broker, answers: compared, certificates })
    }
}
