//! The files of a bundle that are not programs: configurations, environment, README.
//!
//! Must never: hold one that no test reads with the client that it is for.

use super::template::{Mode, Template};

/// In every bundle.
pub(super) const FILES: &[Template] = &[
    Template { path: "README.md", source: include_str!("templates/README.md.jinja"), mode: Mode::Plain },
    Template { path: "client.properties", source: include_str!("templates/client.properties"), mode: Mode::Secret },
    Template { path: "librdkafka.conf", source: include_str!("templates/librdkafka.conf"), mode: Mode::Plain },
    Template { path: "kcat.conf", source: include_str!("templates/kcat.conf"), mode: Mode::Plain },
    Template { path: "env.sh", source: include_str!("templates/env.sh"), mode: Mode::Plain },
    Template { path: "env-inline.sh", source: include_str!("templates/env-inline.sh"), mode: Mode::Secret },
    Template {
        path: "connect/worker.properties",
        source: include_str!("templates/connect/worker.properties"),
        mode: Mode::Secret,
    },
    Template {
        path: "connect/file-sink.properties",
        source: include_str!("templates/connect/file-sink.properties"),
        mode: Mode::Plain,
    },
];

/// Where there is a key, and so there are stores.
pub(super) const WITH_STORES: &[Template] = &[Template {
    path: "client-p12.properties",
    source: include_str!("templates/client-p12.properties"),
    mode: Mode::Secret,
}];
