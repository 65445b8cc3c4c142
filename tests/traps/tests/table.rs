//! The table of traps says what the tree has, and the page says what the table has.
//!
//! `WEIR_BLESS=1 cargo test -p weir-traps` writes the page anew.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use weir_traps::rows::{self, Shown};
use weir_traps::{draw, page, patch, root, tests};

/// A test that holds many traps holds none of them well.
const TRAPS_OF_A_TEST: usize = 3;

#[test]
fn every_trap_has_its_row() -> Result<(), Box<dyn Error>> {
    let rows = rows::load()?;
    let rows: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let missing: Vec<String> = rows::ids().filter(|id| !rows.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    Ok(())
}

#[test]
fn the_page_is_that_of_the_rows() -> Result<(), Box<dyn Error>> {
    let path = root().join("docs/traps.md");
    let page = page::page(&rows::load()?)?;
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, &page)?;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/traps.md is not what the rows say: run this test with WEIR_BLESS=1");
    Ok(())
}

/// `make traps` applies them and runs the tests, which takes longer.
#[test]
fn each_drawn_trap_has_a_patch_and_each_patch_applies() -> Result<(), Box<dyn Error>> {
    let rows = rows::load()?;
    let drawn: BTreeSet<String> = draw::draw(&rows).into_iter().map(|row| row.id.clone()).collect();
    assert_eq!(drawn.len(), draw::DRAWN);
    for id in &drawn {
        patch::of(id)?.apply(&root()).map_err(|wrong| format!("{id}.patch: {wrong}"))?;
    }
    let others: Vec<String> = patch::ids()?.into_iter().filter(|id| !drawn.contains(id)).collect();
    assert!(others.is_empty(), "these are not drawn, and nobody would try their patches: {others:?}");
    Ok(())
}

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
