//! The table of traps says what the tree has, and the page says what the table has.
//!
//! `WEIR_BLESS=1 cargo test -p weir-traps` writes the page anew.

use std::collections::BTreeMap;
use std::error::Error;

use weir_traps::rows::{self, Shown};
use weir_traps::{root, tests};

/// A test that holds many traps holds none of them well.
const TRAPS_OF_A_TEST: usize = 3;

#[test]
fn every_test_that_a_row_names_is_there_once() -> Result<(), Box<dyn Error>> {
    let tests = tests::all(&root())?;
    for row in rows::load()? {
        let Shown::Test(name) = row.shown()? else { continue };
        let places = tests.get(name).map_or(&[][..], Vec::as_slice);
        assert!(
            places.len() == 1,
            "{}: there are {} tests `{name}`, and it takes one: {places:?}",
            row.id,
            places.len()
        );
        tests::target(&places[0])?;
    }
    Ok(())
}

#[test]
fn no_test_holds_more_than_three_traps() -> Result<(), Box<dyn Error>> {
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows::load()? {
        if let Shown::Test(name) = row.shown()? {
            held.entry(name.to_owned()).or_default().push(row.id.clone());
        }
    }
    held.retain(|_, traps| traps.len() > TRAPS_OF_A_TEST);
    assert!(held.is_empty(), "give some of these a test of their own: {held:?}");
    Ok(())
}
