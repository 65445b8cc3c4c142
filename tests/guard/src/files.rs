//! The policies that requests are judged against: a small one, and one of ten thousand principals.

use weir_policy::{Policy, PolicyFiles, PolicyOptions, SourceFile};

/// The one that asks.
pub const READER: &str = "p7";

/// Time stands still here: what is used up stays so.
const TIERS: &str = "tiers: [{tier: tool, connections: 20, commit_partitions: {per_second: 1, burst: 4000000000}, \
                     joins: {per_minute: 1, burst: 4000000000}, timestamp_lookups: {per_second: 1, burst: 4000000000}}]";

/// A topic's name, as long as real ones are.
pub fn topic(index: usize) -> String {
    format!("eqiad.mediawiki.some-stream-{index:04}.v1")
}

/// Principals that all read the first `granted` topics of a catalogue of `topics`.
pub fn policy(principals: usize, topics: usize, granted: usize) -> Policy {
    let streams: String = (0..topics).map(stream).collect();
    let read: String = (0..granted).map(|index| format!("  - topic: {}\n", topic(index))).collect();
    let files = PolicyFiles {
        catalogue: file("catalogue.yaml", format!("streams:\n{streams}")),
        never: file("never.yaml", "never:\n  - prefix: __\n    why: internal\n".to_owned()),
        tiers: file("tiers.yaml", TIERS.to_owned()),
        principals: (0..principals).map(|index| principal(index, &read)).collect(),
        suspended: Vec::new(),
    };
    Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn stream(index: usize) -> String {
    format!(
        "  - stream: s{index}\n    topics: [{}]\n    description: d\n    schema: /s\n    schema_version: 1.0.0\n    \
         cleanup_policy: delete\n    pii: {{verdict: none, by: example, on: 2026-11-02, ticket: T1}}\n",
        topic(index)
    )
}

fn principal(index: usize, read: &str) -> SourceFile {
    let text = format!(
        "principal: p{index}\ncertificate:\n  - cn: p{index}\nnamespace: p{index}\ntier: tool\nread:\n{read}\
         contact: a@example.org\nreview_by: 2027-01-01\n"
    );
    file(&format!("principals/p{index}.yaml"), text)
}

fn file(path: &str, text: String) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.into() }
}
