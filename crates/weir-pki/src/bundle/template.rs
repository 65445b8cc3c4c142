//! The form in which a file of a bundle is registered: one row of a table, as `programs.rs` and `files.rs` have them.
//!
//! A template sees these names, and any other is an error:
//!
//! - `principal`, `serial`, `not_after` (`2027-01-31 12:00 UTC`)
//! - `bootstrap` (`host:port,host:port`), `bootstrap_list`
//! - `topics` (a list, never empty), `first_topic`, `topic_prefixes` (mostly empty)
//! - `group_id`, `group_prefix` (empty where any id may be used)
//! - `offset_reset` (`earliest`, `latest` or `none`), `offset_reset_librdkafka` (`error` for `none`)
//! - `certificate`, `key`, `ca`: names of files, at the top of the bundle; `key_included`: false after a CSR
//! - `certificate_pem`, `key_pem` (empty without one), `ca_pem`: for files of mode `Secret` alone
//! - `has_stores`, `store_password`, `has_weir`, `keeps_offsets`, `networks`
//! - `topic_rows`, `limit_rows`, `refusal_rows`: the tables of the README
//!
//! Each text but those of the three tables holds letters, digits and `.-_:,[]/` alone (`values.rs`), so that
//! `"{{ principal }}"` is a string of that text in every language. The PEM texts have lines.
//!
//! A line that holds nothing but a block (`{% if … %}`) leaves no line behind. Where a language writes `{{`, `{%` or `{#`
//! itself, `{% raw %}` … `{% endraw %}` goes around it.
//!
//! Must never: take a template from anywhere but this crate.

/// One file that is made from a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    /// Where it is in the bundle, with `/`; directories come into being by being named.
    pub(super) path: &'static str,
    /// minijinja, by `include_str!`.
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
