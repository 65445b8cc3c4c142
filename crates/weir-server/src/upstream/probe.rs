//! One look at one broker, for who wants to know what is wrong there: it is dialled as Weir dials, and asked what it
//! serves.
//!
//! Must never: keep a connection, or try one address for longer than Weir would.

use weir_kafka::cleared::OwnRequest;
use weir_kafka::discovery;

use super::broker::open_for;
use super::exchange::{ControlConnection, ExchangeError};
use super::resolve::Resolver;
use super::settings::{Caller, HostPort, UpstreamSettings};
use super::versions::{API_VERSIONS_ASKED, Ranges, metadata_version, served_by_all};

/// A broker that answered.
pub(crate) struct Probe {
    /// Ask on.
    pub(crate) connection: ControlConnection,
    /// What it serves.
    pub(crate) versions: Ranges,
}

impl Probe {
    /// Looks a name up, connects, shakes hands and asks for the API versions.
    pub(crate) async fn of(
        name: &HostPort,
        settings: &UpstreamSettings,
        caller: Caller<'_>,
    ) -> Result<Self, ExchangeError> {
        let addresses = Resolver::new(name.clone()).lookup(settings.timeouts.connect).await.to_vec();
        let (connection, _) = open_for(&addresses, name, settings, caller).await?;
        let (connection, answer) = connection.ask(&OwnRequest::ApiVersions { version: API_VERSIONS_ASKED }).await?;
        let versions = discovery::read_api_versions(API_VERSIONS_ASKED, &answer)?;
        Ok(Self { connection, versions })
    }

    /// The version of Metadata that Weir asks it in.
    pub(crate) fn metadata_version(&self, settings: &UpstreamSettings) -> Result<i16, ExchangeError> {
        metadata_version(&self.versions, &settings.max_versions).ok_or(ExchangeError::TooOld)
    }
}

/// What Weir takes for served by a cluster whose brokers serve these.
pub(crate) fn served<'a>(brokers: impl IntoIterator<Item = &'a Ranges>, settings: &UpstreamSettings) -> Ranges {
    served_by_all(brokers, &settings.max_versions)
}
