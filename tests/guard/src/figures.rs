//! The file of figures, and how far one may move.

use std::fmt::Write;

use crate::grouped;

/// How far a figure may move before a person has to look.
const ROOM_PERCENT: u64 = 5;
/// What is said to commit a figure.
const BLESS: &str = "run WEIR_BLESS=1 cargo test -p weir-guard and say why in CHANGELOG.md";

const HEAD: &str = "\
# Instructions for each operation. WEIR_BLESS=1 cargo test -p weir-guard writes those that moved by more than 5 %;
# the table in CHANGELOG.md says why each is what it is.
";

/// The committed figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Compiler and processor that they were counted with: others make other code.
    pub counted_with: String,
    /// Instructions of one operation, by its name.
    pub operations: Vec<(String, u64)>,
}

impl Figures {
    /// Reads the file: lines of `name: number`, and one that says what they were counted with.
    ///
    /// # Errors
    /// The line that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut figures = Self { counted_with: String::new(), operations: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("{line:?} is not `name: number`"))?;
            if name == "counted_with" {
                value.clone_into(&mut figures.counted_with);
            } else {
                let count = value.trim().parse().map_err(|_| format!("{line:?}: the number is missing"))?;
                figures.operations.push((name.to_owned(), count));
            }
        }
        Ok(figures)
    }

    /// The file that holds them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{HEAD}counted_with: {}\n", self.counted_with);
        for (name, count) in &self.operations {
            let _ = writeln!(out, "{name}: {count}");
        }
        out
    }

    /// The figure of one operation.
    #[must_use]
    pub fn get(&self, operation: &str) -> Option<u64> {
        self.operations.iter().find(|(name, _)| name == operation).map(|(_, count)| *count)
    }

    /// These figures with those that `counted` moved. What still holds stays, so that small changes are not lost in it.
    #[must_use]
    pub fn blessed(&self, counted: &Self) -> Self {
        let keep = |(name, is): &(String, u64)| {
            let figure = self.get(name).filter(|was| moved(name, Some(*was), *is).is_none()).unwrap_or(*is);
            (name.clone(), figure)
        };
        Self { counted_with: counted.counted_with.clone(), operations: counted.operations.iter().map(keep).collect() }
    }

    /// What fails: a figure that moved, is missing, or is of an operation that is counted no more.
    #[must_use]
    pub fn problems(&self, counted: &Self) -> Vec<String> {
        let left_over = self.operations.iter().filter(|(name, _)| counted.get(name).is_none());
        let left_over = left_over.map(|(name, _)| format!("{name} has a figure and is not counted: {BLESS}"));
        let moved = counted.operations.iter().filter_map(|(name, is)| moved(name, self.get(name), *is));
        let mut problems: Vec<String> = moved.chain(left_over).collect();
        if !problems.is_empty() && self.counted_with != counted.counted_with {
            problems.push(format!(
                "the figures were counted with {}, and this is {}: that alone may be the difference",
                self.counted_with, counted.counted_with
            ));
        }
        problems
    }
}

/// What is wrong with an operation that had one figure and has another, if anything is.
#[must_use]
pub fn moved(operation: &str, was: Option<u64>, is: u64) -> Option<String> {
    let Some(was) = was else {
        return Some(format!("{operation} has no figure, and takes {}: {BLESS}", grouped(is)));
    };
    let (change, advice) = if is * 100 > was * (100 + ROOM_PERCENT) {
        ("over", "make it cheap again, or ")
    } else if is * 100 < was * (100 - ROOM_PERCENT) {
        ("under", "keep what was won: ")
    } else {
        return None;
    };
    let percent = is.abs_diff(was) as f64 * 100.0 / (was.max(1)) as f64;
    let (was, is) = (grouped(was), grouped(is));
    Some(format!("{operation}: was {was} instructions, is {is}, {percent:.1} % {change}: {advice}{BLESS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(fetch: u64, judge: u64) -> Figures {
        let operations = vec![("fetch".to_owned(), fetch), ("judge".to_owned(), judge)];
        Figures { counted_with: "rustc 1".to_owned(), operations }
    }

    #[test]
    fn six_percent_over_fails_and_says_what_to_do() {
        let said = moved("fetch", Some(10_000), 10_600).unwrap();
        assert_eq!(
            said,
            "fetch: was 10,000 instructions, is 10,600, 6.0 % over: make it cheap again, or run WEIR_BLESS=1 cargo \
             test -p weir-guard and say why in CHANGELOG.md"
        );
    }

    #[test]
    fn six_percent_under_fails_so_that_the_room_does_not_add_up() {
        let said = moved("fetch", Some(10_000), 9_400).unwrap();
        assert!(said.contains("6.0 % under") && said.contains("WEIR_BLESS=1"), "{said}");
    }

    #[test]
    fn what_stays_within_five_percent_holds() {
        for is in [9_500, 9_600, 10_000, 10_400, 10_500] {
            assert_eq!(moved("fetch", Some(10_000), is), None, "{is}");
        }
        assert!(moved("fetch", Some(10_000), 10_501).is_some());
        assert!(moved("fetch", Some(10_000), 9_499).is_some());
    }

    #[test]
    fn an_operation_without_a_figure_and_a_figure_without_an_operation_fail() {
        let mut committed = figures(100, 50);
        committed.operations.remove(0);
        committed.operations.push(("old".to_owned(), 7));
        let problems = committed.problems(&figures(100, 50));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("fetch has no figure, and takes 100"));
        assert!(problems[1].starts_with("old has a figure and is not counted"));
    }

    #[test]
    fn another_compiler_is_named_only_where_a_figure_moved() {
        let counted = Figures { counted_with: "rustc 2".to_owned(), ..figures(104, 50) };
        assert_eq!(figures(100, 50).problems(&counted), Vec::<String>::new());
        let counted = Figures { counted_with: "rustc 2".to_owned(), ..figures(106, 50) };
        let problems = figures(100, 50).problems(&counted);
        assert!(problems[1].contains("counted with rustc 1, and this is rustc 2"), "{problems:?}");
    }

    #[test]
    fn blessing_takes_what_moved_and_leaves_what_holds() {
        let blessed = figures(100, 50).blessed(&figures(110, 51));
        assert_eq!(blessed, figures(110, 50));
        assert_eq!(blessed.problems(&figures(110, 51)), Vec::<String>::new());
    }

    #[test]
    fn the_file_reads_back_as_it_was_written() {
        assert_eq!(Figures::parse(&figures(1, 2).text()), Ok(figures(1, 2)));
        assert!(Figures::parse("fetch 7").unwrap_err().contains("fetch 7"));
        assert!(Figures::parse("fetch: seven").unwrap_err().contains("seven"));
    }
}
