//! A policy directory for a test: streams that may leave, streams that never may, principals and what they read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

/// Limits that no test comes near that is not about them.
const LARGE: &str = "connections: 500, commit_partitions: {per_second: 1000000, burst: 1000000}, \
    commit_metadata_bytes: {most: 10000000}, committed_partitions: {most: 100000}, groups: {most: 10000}, \
    group_members: {most: 100000}, connects: {per_second: 1000000, burst: 1000000}, \
    joins: {per_minute: 1000000, burst: 1000000}, session_timeout_max: {seconds: 4000000}, \
    rebalance_timeout_max: {seconds: 4000000}, requests: {per_second: 10000000, burst: 10000000}, \
    denied: {per_second: 10000000, burst: 10000000}, bytes_out: {per_second: 4000000000, burst: 4000000000}, \
    timestamp_lookups: {per_second: 1000000, burst: 1000000}, \
    catch_up: {per_second: 4000000000, burst: 4000000000}, catch_up_partitions: {most: 1000000}, \
    parked_fetches: {most: 100000}, fetch_sessions: {most: 100000}";

/// A policy.
#[derive(Debug, Clone, Default)]
pub struct Acl {
    topics: Vec<String>,
    prefixes: Vec<String>,
    never: Vec<String>,
    /// Those of the topics that may leave only while they are compacted.
    compacted: Vec<String>,
    principals: Vec<PrincipalSpec>,
}

/// One principal. Its tier allows 500 connections, unless it is `small`.
#[derive(Debug, Clone)]
pub struct PrincipalSpec {
    /// The name; the common name of its certificate, unless `certificate` says otherwise.
    pub name: String,
    /// What keeps its groups apart.
    pub namespace: String,
    /// `500` connections for `large`, 2 for `small`.
    pub tier: &'static str,
    /// Which fact of the certificate, and its value.
    pub certificate: (String, String),
    /// Granted topics.
    pub topics: Vec<String>,
    /// Granted prefixes.
    pub prefixes: Vec<String>,
    /// Networks; empty for any.
    pub cidrs: Vec<String>,
    /// Limits of its own in the place of its tier's, as a file writes them on one line.
    pub limits: String,
}

impl PrincipalSpec {
    /// Whoever has a certificate with this common name reads these topics. The namespace is the name.
    pub fn new(name: &str, topics: &[&str]) -> Self {
        Self {
            name: name.into(),
            namespace: name.into(),
            tier: "large",
            certificate: ("cn".into(), name.into()),
            topics: owned(topics),
            prefixes: Vec::new(),
            cidrs: Vec::new(),
            limits: String::new(),
        }
    }

    /// The same with limits of its own.
    #[must_use]
    pub fn within(mut self, limits: &str) -> Self {
        self.limits = limits.into();
        self
    }

    fn text(&self) -> String {
        let topics = self.topics.iter().map(|topic| json!({ "topic": topic }));
        let read: Vec<_> = topics.chain(self.prefixes.iter().map(|prefix| json!({ "prefix": prefix }))).collect();
        let (fact, value) = &self.certificate;
        let mut text = format!(
            "principal: {name}\ncertificate: [{{{fact}: {value}}}]\nnamespace: {namespace}\ntier: {tier}\nread: {read}\n\
             contact: tests@weir.example\nreview_by: 2099-12-31\n",
            name = json!(self.name),
            value = json!(value),
            namespace = json!(self.namespace),
            tier = self.tier,
            read = json!(read),
        );
        if !self.cidrs.is_empty() {
            writeln!(text, "cidrs: {}", json!(self.cidrs)).expect("a string takes text");
        }
        if !self.limits.is_empty() {
            writeln!(text, "limits: {{{}}}", self.limits).expect("a string takes text");
        }
        text
    }
}

impl Acl {
    /// A catalogue of these topics, nothing on the never list, nobody known.
    pub fn new(topics: &[&str]) -> Self {
        Self { topics: owned(topics), ..Self::default() }
    }

    /// The topics of the catalogue.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Catalogues all topics that begin so, those of tomorrow too.
    #[must_use]
    pub fn auto_prefix(mut self, prefix: &str) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Lets this topic of the catalogue leave only while it is compacted.
    #[must_use]
    pub fn only_while_compacted(mut self, topic: &str) -> Self {
        self.compacted.push(topic.into());
        self
    }

    /// Puts all names that contain this text on the never list.
    #[must_use]
    pub fn never_contains(mut self, text: &str) -> Self {
        self.never.push(text.into());
        self
    }

    /// Adds a principal, or replaces the one of this name.
    #[must_use]
    pub fn principal(mut self, principal: PrincipalSpec) -> Self {
        self.principals.retain(|known| known.name != principal.name);
        self.principals.push(principal);
        self
    }

    /// Replaces what is in `dir`. Each file appears whole.
    pub fn write(&self, dir: &Path) {
        let people = dir.join("principals");
        fs::create_dir_all(&people).expect("the policy directory can be made");
        put(&dir.join("catalogue.yaml"), &self.catalogue());
        let never = self.never.iter().map(|text| json!({ "contains": text, "why": "a test" }));
        put(&dir.join("never.yaml"), &format!("never: {}\n", json!(never.collect::<Vec<_>>())));
        put(&dir.join("tiers.yaml"), &format!("tiers: [{{tier: large, {LARGE}}}, {{tier: small, connections: 2}}]\n"));
        for principal in &self.principals {
            put(&people.join(format!("{}.yaml", principal.name)), &principal.text());
        }
        for entry in fs::read_dir(&people).expect("the policy directory can be read").flatten() {
            let path = entry.path();
            let kept = self
                .principals
                .iter()
                .any(|p| path.file_name().is_some_and(|n| n == format!("{}.yaml", p.name).as_str()));
            if !kept {
                fs::remove_file(&path).expect("a principal's file can be removed");
            }
        }
    }

    fn catalogue(&self) -> String {
        let entry = |which: serde_json::Value, stream: &str| {
            let mut entry = json!({
                "stream": stream,
                "description": "Records of a test.",
                "schema": "/test/event",
                "schema_version": "1.0.0",
                "cleanup_policy": "delete",
                "pii": { "verdict": "none", "by": "tests", "on": "2026-01-01", "ticket": "TEST-1" },
            });
            let (entry_keys, more) = (entry.as_object_mut().expect("an object"), which.as_object().expect("an object"));
            entry_keys.extend(more.clone());
            entry
        };
        let topics = self.topics.iter().map(|topic| {
            let mut more = json!({ "topics": [topic] });
            if self.compacted.contains(topic) {
                more["cleanup_policy"] = json!("compact");
                more["only_while_compacted"] = json!(true);
            }
            entry(more, topic)
        });
        let prefixes = self.prefixes.iter().map(|prefix| {
            let stream = format!("{}all", prefix.trim_end_matches(['.', '-', '_']));
            entry(json!({ "prefix": prefix, "auto": true }), &stream)
        });
        // The strict reader wants days without quotes as with them; JSON is YAML.
        format!("streams: {}\n", json!(topics.chain(prefixes).collect::<Vec<_>>()))
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// Written beside and renamed, so that a watching Weir never reads half a file.
fn put(path: &Path, text: &str) {
    let part = path.with_extension("part");
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).expect("a policy file can be written");
}

#[cfg(test)]
mod tests {
    use weir_policy::{Compacted, Operation, Policy, PolicyFiles, PolicyOptions, Resource, SourceFile};

    use super::*;

    fn compile(dir: &Path) -> Policy {
        let read = |path: &Path| SourceFile {
            path: path.display().to_string(),
            text: fs::read_to_string(path).unwrap().into(),
        };
        let people = fs::read_dir(dir.join("principals")).unwrap();
        let files = PolicyFiles {
            catalogue: read(&dir.join("catalogue.yaml")),
            never: read(&dir.join("never.yaml")),
            tiers: read(&dir.join("tiers.yaml")),
            principals: people.map(|entry| read(&entry.unwrap().path())).collect(),
            suspended: Vec::new(),
        };
        Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn what_it_writes_is_a_policy_that_means_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut wide = PrincipalSpec::new("wide", &[]);
        wide.prefixes.push("auto.".into());
        wide.cidrs.push("127.0.0.0/8".into());
        let acl = Acl::new(&["a.topic", "b.topic"]).auto_prefix("auto.").never_contains("secret").principal(wide);
        acl.clone().principal(PrincipalSpec::new("narrow", &["a.topic"])).write(dir.path());

        let policy = compile(dir.path());
        let reads = |name: &str, topic: &str| {
            let principal = policy.principal(name).unwrap();
            policy.judge(&principal, Operation::Read, Resource::Topic(topic), Compacted::assumed()).is_ok()
        };
        assert!(reads("narrow", "a.topic") && !reads("narrow", "b.topic"));
        assert!(reads("wide", "auto.any") && !reads("wide", "auto.secret") && !reads("wide", "a.topic"));

        acl.write(dir.path());
        assert!(compile(dir.path()).principal("narrow").is_none(), "who is taken out is gone");
    }
}
