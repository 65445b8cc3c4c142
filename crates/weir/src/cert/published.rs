//! The revocation list where Weir reads it.
//!
//! Must never: let an older list take the place of a newer one.

use std::error::Error;
use std::path::Path;

use weir_pki::inspect::{self, CrlFacts, Item};

use super::files;

/// Puts a list there, unless a newer one of the same CA is there: whether it was put.
pub(super) fn put(text: &str, to: &Path) -> Result<bool, Box<dyn Error>> {
    let is_newer = |there: &str| lists(text).iter().any(|own| lists(there).iter().any(|list| follows(list, own)));
    if std::fs::read_to_string(to).is_ok_and(|there| is_newer(&there)) {
        return Ok(false);
    }
    files::publish(text, to).map(|()| true)
}

fn lists(text: &str) -> Vec<CrlFacts> {
    let items = inspect::read(text).unwrap_or_default().into_iter();
    let list = |item| if let Item::RevocationList(facts) = item { Some(*facts) } else { None };
    items.filter_map(list).collect()
}

fn follows(list: &CrlFacts, other: &CrlFacts) -> bool {
    // Digits without zeros before them: the longer number is the larger.
    let number = |list: &CrlFacts| list.number.as_ref().map(|number| (number.as_str().len(), number.clone()));
    list.issuer == other.issuer && number(list) > number(other)
}
