//! Policies of any size: a catalogue of more than 10,000 topics, the shipped never list, and as many principals and
//! grants as a row wants.

use weir_policy::{Policy, PolicyFiles, PolicyOptions, SourceFile};

use crate::failure::{Context, Failure};

/// Topics that may be granted. One more is in the catalogue, and granted to nobody.
pub const TOPICS: usize = 10_000;
/// Grants of every principal but the one that is looked at.
const GRANTS: usize = 10;
/// Every so many principals read the same topics: they seldom invent a list of their own.
const SHARED: usize = 100;
/// The shipped never list.
pub const NEVER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../acl/never.yaml"));

/// A topic of the catalogue.
pub fn topic(index: usize) -> String {
    format!("eqiad.mediawiki.some-stream-{index}.v1")
}

/// The topic that is granted to nobody.
pub fn hidden_topic() -> String {
    topic(TOPICS)
}

/// A principal.
pub fn principal(index: usize) -> String {
    format!("p{index}")
}

/// The first topic that a principal may read, which all its others follow.
pub fn first_grant(principal: usize) -> usize {
    principal % SHARED
}

/// The files of a policy whose principal 0 has `grants` grants.
pub fn files(principals: usize, grants: usize) -> PolicyFiles {
    let catalogue: String = (0..=TOPICS).map(entry).collect();
    let grants_of = |index| if index == 0 { grants } else { GRANTS };
    let principal =
        |index| file(format!("principals/{}.yaml", principal(index)), principal_text(index, grants_of(index)));
    PolicyFiles {
        catalogue: file("catalogue.yaml".to_owned(), format!("streams:\n{catalogue}")),
        never: file("never.yaml".to_owned(), NEVER.to_owned()),
        tiers: file("tiers.yaml".to_owned(), "tiers: [{tier: tool, connections: 20}]".to_owned()),
        principals: (0..principals).map(principal).collect(),
        suspended: Vec::new(),
    }
}

/// The policy.
pub fn compile(files: &PolicyFiles) -> Result<Policy, Failure> {
    Policy::compile(files, &PolicyOptions::default()).context("the policy of the bench is wrong")
}

fn file(path: String, text: String) -> SourceFile {
    SourceFile { path, text: text.into() }
}

fn entry(index: usize) -> String {
    format!(
        "  - stream: s\n    topics: ['{}']\n    description: d\n    schema: /s\n    schema_version: 1.0.0\n    \
         cleanup_policy: delete\n    pii: {{verdict: none, by: bench, on: 2026-01-01, ticket: BENCH-1}}\n",
        topic(index)
    )
}

fn principal_text(index: usize, grants: usize) -> String {
    let name = principal(index);
    let from = first_grant(index);
    let read: String = (from..from + grants).map(|granted| format!("  - topic: {}\n", topic(granted))).collect();
    format!(
        "principal: {name}\nnamespace: {name}\ncertificate: [{{san_uri: 'u:{index}'}}]\ntier: tool\n\
         contact: bench@weir.example\nreview_by: 2099-12-31\nread:\n{read}"
    )
}
