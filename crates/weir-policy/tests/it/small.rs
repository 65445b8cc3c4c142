//! Small policies for tests.

use proptest::prelude::ProptestConfig;
use weir_policy::{ConfigErrors, Policy, PolicyFiles, PolicyOptions, SourceFile};

/// So many cases, and no files written where one fails: it prints its input.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A file.
pub fn file(path: &str, text: impl Into<String>) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.into().into() }
}

/// Catalogue entries, each of one topic.
pub fn catalogue<'a>(topics: impl IntoIterator<Item = &'a str>, prefixes: impl IntoIterator<Item = &'a str>) -> String {
    let topics = topics.into_iter().map(|topic| format!("topics: ['{topic}']"));
    let prefixes = prefixes.into_iter().map(|prefix| format!("prefix: '{prefix}', auto: true"));
    let rest = "stream: s, description: d, schema: /s, schema_version: 1.0.0, cleanup_policy: delete, \
                pii: {verdict: none, by: example, on: 2026-11-02, ticket: T1}";
    let entries: String = topics.chain(prefixes).map(|names| format!("  - {{{names}, {rest}}}\n")).collect();
    if entries.is_empty() { "streams: []\n".to_owned() } else { format!("streams:\n{entries}") }
}

/// A principal's file. `read` holds lines such as `{topic: x}`.
pub fn principal(name: &str, namespace: &str, certificate: &str, read: &[String]) -> SourceFile {
    let text = format!(
        "principal: '{name}'\nnamespace: '{namespace}'\ncertificate: [{certificate}]\ntier: tool\n\
         contact: c@d.example\nreview_by: 2027-05-03\nread: [{}]\n",
        read.join(", ")
    );
    file(&format!("principals/{name}.yaml"), text)
}

/// All files.
pub fn files(catalogue: impl Into<String>, never: impl Into<String>, principals: Vec<SourceFile>) -> PolicyFiles {
    PolicyFiles {
        catalogue: file("catalogue.yaml", catalogue),
        never: file("never.yaml", never),
        tiers: file("tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n"),
        principals,
        suspended: Vec::new(),
    }
}

/// Compiles with the default options.
pub fn compile(files: &PolicyFiles) -> Result<Policy, ConfigErrors> {
    Policy::compile(files, &PolicyOptions::default())
}

/// Compiles what must compile.
pub fn policy(files: &PolicyFiles) -> Policy {
    compile(files).unwrap_or_else(|errors| panic!("{errors}"))
}
