//! A Kafka client as somebody outside has it: Weir's address, the CA, and a certificate or none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use weir_pki::IssuedPaths;

use crate::certificates::HOST;
use crate::failure::Failure;

/// How long one question may take. rdkafka waits this long even where the connection is refused at once.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Where a client connects, and as whom.
#[derive(Clone, Copy)]
pub enum Door<'a> {
    /// Weir's bootstrap port, with TLS.
    Weir { port: u16, ca: &'a Path, identity: Option<&'a IssuedPaths> },
    /// The mock brokers themselves: only to show that what a check looks for is there to be found.
    Brokers(&'a [String]),
}

/// What a client is told about the cluster.
pub struct Listing {
    /// `HOST:PORT` of every broker.
    pub brokers: BTreeSet<String>,
    /// Topics, and the error that came instead of one.
    pub topics: BTreeMap<String, Option<RDKafkaErrorCode>>,
}

impl Door<'_> {
    /// A consumer in `group` that begins at the oldest record and commits only when told to.
    pub fn consumer(&self, group: &str) -> Result<BaseConsumer, Failure> {
        let mut config = ClientConfig::new();
        config
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("enable.metrics.push", "false")
            .set("socket.timeout.ms", "10000")
            .set("session.timeout.ms", "10000");
        match self {
            Door::Brokers(brokers) => config.set("bootstrap.servers", brokers.join(",")),
            Door::Weir { port, ca, identity } => {
                config
                    .set("bootstrap.servers", format!("{HOST}:{port}"))
                    .set("security.protocol", "ssl")
                    .set("ssl.ca.location", ca.to_string_lossy());
                if let Some(paths) = identity {
                    config
                        .set("ssl.certificate.location", paths.certificate.to_string_lossy())
                        .set("ssl.key.location", paths.key.to_string_lossy());
                }
                &mut config
            }
        };
        config.create().map_err(|error| Failure::new(format!("a client could not be made: {error}")))
    }

    /// What the cluster says about one topic, or about all when none is named.
    pub fn list(&self, topic: Option<&str>, limit: Duration) -> Result<Listing, KafkaError> {
        let consumer =
            self.consumer("weir-demo-list").map_err(|_| KafkaError::MetadataFetch(RDKafkaErrorCode::Fail))?;
        let metadata = consumer.fetch_metadata(topic, limit)?;
        Ok(Listing {
            brokers: metadata.brokers().iter().map(|it| format!("{}:{}", it.host(), it.port())).collect(),
            topics: metadata.topics().iter().map(|it| (it.name().to_owned(), it.error().map(Into::into))).collect(),
        })
    }
}
