//! The CHANGELOG's table of figures: one row for each, with a reason that a person wrote.

use crate::{Figures, grouped};

const HEADING: &str = "## Instruction counts";
/// Fewer letters are no reason.
const SHORTEST_REASON: usize = 12;

struct Row<'a> {
    operation: &'a str,
    figure: &'a str,
    why: &'a str,
}

/// What is wrong between the figures and the table: a row that is missing, says another figure, gives no reason, or is
/// of no operation.
#[must_use]
pub fn unexplained(figures: &Figures, changelog: &str) -> Vec<String> {
    let rows = rows(changelog);
    let left_over = rows.iter().filter(|row| figures.get(row.operation).is_none());
    let left_over = left_over.map(|row| format!("CHANGELOG.md has a row for {}, which has no figure", row.operation));
    figures.operations.iter().filter_map(|(name, is)| row_problem(&rows, name, *is)).chain(left_over).collect()
}

fn row_problem(rows: &[Row<'_>], operation: &str, figure: u64) -> Option<String> {
    let figure = grouped(figure);
    let mut found = rows.iter().filter(|row| row.operation == operation);
    let Some(row) = found.next() else {
        return Some(format!(
            "CHANGELOG.md, {HEADING:?}, has no row for {operation}: write | `{operation}` | {figure} | why |"
        ));
    };
    if found.next().is_some() {
        return Some(format!("CHANGELOG.md has two rows for {operation}"));
    }
    if row.figure != figure {
        let said = row.figure;
        return Some(format!(
            "{operation} is {figure} in figures.yaml and {said} in CHANGELOG.md: write the figure and why it changed"
        ));
    }
    let letters = row.why.chars().filter(|next| next.is_alphabetic()).count();
    (letters < SHORTEST_REASON).then(|| format!("CHANGELOG.md does not say why {operation} takes {figure}"))
}

/// The rows below the heading, up to the next one.
fn rows(changelog: &str) -> Vec<Row<'_>> {
    let section = changelog.lines().skip_while(|line| line.trim_end() != HEADING).skip(1);
    section.take_while(|line| !line.starts_with("## ")).filter_map(row).collect()
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.strip_prefix('|')?.trim_end().trim_end_matches('|').splitn(3, '|').map(str::trim);
    let operation = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some(Row { operation, figure: cells.next().unwrap_or_default(), why: cells.next().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Changelog\n\n## Unreleased\n\n| `fetch` | 1 | a table of something else |\n\n\
        ## Instruction counts\n\nAbout them.\n\n| operation | instructions | why |\n|---|---|---|\n\
        | `fetch` | 12,345 | walks each of 26 partitions |\n| `judge` | 999 | two lookups by name |\n\n\
        ## 0.1.0\n\n| `old` | 7 | not in the table |\n";

    fn figures() -> Figures {
        let operations = vec![("fetch".to_owned(), 12_345), ("judge".to_owned(), 999)];
        Figures { counted_with: String::new(), operations }
    }

    /// The one problem of a page.
    fn problem(page: &str) -> String {
        let problems = unexplained(&figures(), page);
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.into_iter().next().unwrap()
    }

    #[test]
    fn a_table_that_says_it_all_holds() {
        assert_eq!(unexplained(&figures(), PAGE), Vec::<String>::new());
    }

    #[test]
    fn a_missing_row_fails() {
        let said = problem(&PAGE.replace("| `judge` | 999 | two lookups by name |\n", ""));
        assert!(said.contains("has no row for judge: write | `judge` | 999 | why |"), "{said}");
    }

    #[test]
    fn a_missing_table_fails_for_every_figure() {
        assert_eq!(unexplained(&figures(), "# Changelog\n").len(), 2);
    }

    #[test]
    fn a_figure_that_was_blessed_and_not_explained_fails() {
        let said = problem(&PAGE.replace("12,345", "12,000"));
        assert!(said.contains("fetch is 12,345 in figures.yaml and 12,000 in CHANGELOG.md"), "{said}");
    }

    #[test]
    fn a_row_without_a_reason_fails() {
        for why in ["", "-", "1,000 more!", "because"] {
            let said = problem(&PAGE.replace("two lookups by name", why));
            assert_eq!(said, "CHANGELOG.md does not say why judge takes 999");
        }
        let said = problem(&PAGE.replace("| two lookups by name |", ""));
        assert_eq!(said, "CHANGELOG.md does not say why judge takes 999");
    }

    #[test]
    fn a_row_of_no_operation_and_a_second_row_fail() {
        let row = "| `judge` | 999 | two lookups by name |\n";
        let said = problem(&PAGE.replace(row, &format!("{row}| `gone` | 5 | nobody counts this |\n")));
        assert_eq!(said, "CHANGELOG.md has a row for gone, which has no figure");
        assert_eq!(problem(&PAGE.replace(row, &row.repeat(2))), "CHANGELOG.md has two rows for judge");
    }
}
