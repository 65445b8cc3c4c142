//! The files of a consumer's bundle, as `weir cert bundle` makes them, for commands that begin with one.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::pki::{Identity, Pki};

/// Writes a bundle of a principal whose groups may have any name into a directory that is there.
///
/// # Panics
/// When a file cannot be written.
pub fn write(directory: &Path, identity: &Identity, principal: &str, bootstrap: &str, topics: &[&str]) {
    let manifest = json!({
        "version": 1,
        "principal": principal,
        "bootstrap": [bootstrap],
        "topics": topics,
        "topic_prefixes": [],
        "groups": { "rule": "any" },
        "group_id": "my-group",
        "offset_reset": "earliest",
        "limits": [],
        "certificate": "client.pem",
        "key": "client.key",
        "key_included": true,
        "ca": "ca.pem",
        "not_after": "2027-01-01T00:00:00Z",
        "serial": "01",
    });
    // What this side trusts: the CA that all servers of a test come from.
    let ca = Pki::shared().authority().certificate_pem();
    let manifest = manifest.to_string();
    let files = [
        ("bundle.json", manifest.as_str()),
        ("client.pem", &identity.issued.chain_pem),
        ("client.key", &identity.issued.key_pem),
        ("ca.pem", ca),
    ];
    for (name, text) in files {
        fs::write(directory.join(name), text).expect("a file of a bundle can be written");
    }
}
