//! The programs of a bundle, one folder for each language.
//!
//! `templates/shared/programs.md.jinja` is what the README of a bundle says of them: how each is started. The pages in
//! docs/clients/ take every file of a folder (`pages.rs`).
//! Must never: hold one that no test runs as it is, from a clean directory.

use super::template::{Mode, Template};

/// Every file of every program, each language's program first.
pub(super) const PROGRAMS: &[Template] = &[
    plain("python/confluent/consume.py", include_str!("templates/python/confluent/consume.py")),
    plain("python/confluent/requirements.txt", include_str!("templates/python/confluent/requirements.txt")),
    plain("python/kafka-python/consume.py", include_str!("templates/python/kafka-python/consume.py")),
    plain("python/kafka-python/requirements.txt", include_str!("templates/python/kafka-python/requirements.txt")),
    plain("python/aiokafka/consume.py", include_str!("templates/python/aiokafka/consume.py")),
    plain("python/aiokafka/requirements.txt", include_str!("templates/python/aiokafka/requirements.txt")),
    plain("node/consume.js", include_str!("templates/node/consume.js")),
    plain("node/package.json", include_str!("templates/node/package.json")),
    plain("node/package-lock.json", include_str!("templates/node/package-lock.json")),
    plain("go/franz-go/main.go", include_str!("templates/go/franz-go/main.go")),
    plain("go/franz-go/go.mod", include_str!("templates/go/franz-go/go.mod")),
    plain("go/franz-go/go.sum", include_str!("templates/go/franz-go/go.sum")),
    plain("go/confluent/main.go", include_str!("templates/go/confluent/main.go")),
    plain("go/confluent/go.mod", include_str!("templates/go/confluent/go.mod")),
    plain("go/confluent/go.sum", include_str!("templates/go/confluent/go.sum")),
    plain("rust/src/main.rs", include_str!("templates/rust/src/main.rs")),
    plain("rust/Cargo.toml", include_str!("templates/rust/Cargo.toml")),
    plain("rust/Cargo.lock", include_str!("templates/rust/Cargo.lock")),
    plain("java/Consume.java", include_str!("templates/java/Consume.java")),
    plain("java/pom.xml", include_str!("templates/java/pom.xml")),
];

const fn plain(path: &'static str, source: &'static str) -> Template {
    Template { path, source, mode: Mode::Plain }
}
