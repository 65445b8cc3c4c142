//! The form in which a file of a bundle is registered: one row of a table, as `programs.rs` and `files.rs` have them.
//!
//! A template sees these names, and any other is an error: `principal`, `bootstrap` (`host:port,host:port`),
//! `bootstrap_list`, `topics` (a list; never empty: see `first_topic`), `topic_prefixes`, `first_topic`, `group_id`,
//! `group_prefix` (empty where any id may be used), `offset_reset` (`earliest`, `latest` or `none`),
//! `offset_reset_librdkafka` (`error` for `none`), `certificate`, `key`, `ca` (file names beside the manifest),
//! `key_included`, `not_after` (a date), `serial`, `contact`, `limits`, and the tables of the README.
//! Each text that did not come from here holds nothing but printable ASCII without quotes, backslash, `$` and backtick
//! (`values.rs`), so that `"{{ principal }}"` is a string of that text in every language.
//!
//! Must never: take a template from anywhere but this crate.

/// One file that is made from a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    /// Where it is in the bundle, with `/`; directories come into being by being named.
    pub(super) path: &'static str,
    /// minijinja, by `include_str!`. Where a language writes `{{` or `{%` itself, `{% raw %}` goes around it.
    pub(super) source: &'static str,
    /// Who may read or run it.
    pub(super) mode: Mode,
}

/// Who may read or run a file of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 0600: what holds a key, or the pass-phrase of one.
    Secret,
    /// 0644.
    Plain,
    /// 0755.
    Program,
}

impl Mode {
    /// The mode's bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Secret => 0o600,
            Self::Plain => 0o644,
            Self::Program => 0o755,
        }
    }
}
