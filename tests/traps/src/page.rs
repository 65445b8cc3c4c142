//! `docs/traps.md`, as the rows give it.
//!
//! Must never: say what no row says.

use std::fmt::Write;

use crate::rows::{PARTS, Row, Shown};

const HEAD: &str = "\
# Traps

A proxy of Kafka's protocol can go wrong in many ways that look right. Each row is one of them: what holds in Weir, and
what holds it. In the last column stands the test that fails when it does not hold, or why it cannot go wrong here, or
the open issue that builds it.

`make traps` shows that the tests look where they should: for 20 rows, drawn by a fixed seed, it breaks the guard in a
copy of the tree and demands that the test fails there.

This page is written from `tests/traps/rows/` by `WEIR_BLESS=1 cargo test -p weir-traps`.
";

/// The page.
///
/// # Errors
/// Says which row is wrong.
pub fn page(rows: &[Row]) -> Result<String, String> {
    let mut page = HEAD.to_owned();
    for (letter, _, _, heading) in PARTS {
        let _ = write!(page, "\n## {heading}\n\n| | what holds | shown by |\n|---|---|---|\n");
        for row in rows.iter().filter(|row| row.id.starts_with(letter)) {
            let shown = match row.shown()? {
                Shown::Test(name) => format!("`{name}`"),
                Shown::NotApplicable(why) => format!("does not apply: {why}"),
                Shown::Open(issue) => format!("open: \"{issue}\""),
            };
            let _ = writeln!(page, "| {} | {} | {shown} |", row.id, row.holds);
        }
    }
    Ok(page)
}
