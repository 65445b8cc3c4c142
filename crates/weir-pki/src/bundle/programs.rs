//! The programs of a bundle, one folder for each language.
//!
//! `templates/shared/programs.md` is what the bundle's README says of them: how each is started. The pages in docs/clients/
//! take every file of a folder (`pages.rs`).
//! Must never: hold one that no test runs as it is, from a clean directory.

use super::template::Template;

/// A row is `Template { path: "python/consume.py", source: include_str!("templates/python/consume.py"), mode: Mode::Program }`.
pub(super) const PROGRAMS: &[Template] = &[];
