//! The example configuration and policy of this repository, in the binary: what `weir init` and `weir import` write is
//! made of them, so that there is one text and not two.
//!
//! Must never: hold a text of its own.

/// `weir.example.yaml`.
pub(crate) const CONFIG: &str = include_str!("../../../weir.example.yaml");
/// `acl/catalogue.yaml`.
pub(crate) const CATALOGUE: &str = include_str!("../../../acl/catalogue.yaml");
/// `acl/never.yaml`.
pub(crate) const NEVER: &str = include_str!("../../../acl/never.yaml");
/// `acl/tiers.yaml`.
pub(crate) const TIERS: &str = include_str!("../../../acl/tiers.yaml");

/// A shipped file without the lines that say that it is an example: what is made of it is not.
pub(crate) fn without_notice(text: &str) -> &str {
    let Some((notice, rest)) = text.split_once('\n') else { return text };
    if notice.starts_with("# An example") { rest.strip_prefix("#\n").unwrap_or(rest) } else { text }
}

/// What stands above the entries of a catalogue: what its keys mean.
pub(crate) fn catalogue_header() -> &'static str {
    let text = without_notice(CATALOGUE);
    text.split_once("streams:\n").map_or(text, |(header, _)| header)
}
