//! Names that the catalogue does not let leave, for the operator's eyes.
//!
//! Must never: be written by `Debug` or `Display`, so that no log, metric, audit line or file has them by accident; or
//! give a name as the broker wrote it, for a broker is not believed.

use std::fmt;

/// As many names as are shown at once.
const SHOWN: usize = 100;
/// As many characters of one name: more than Kafka lets a topic have.
const LENGTH: usize = 300;

/// Some names, sorted, each once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(Vec<String>);

impl Hidden {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// For the operator's terminal: a hundred of them at the most, with what a terminal could act on written out.
    pub fn for_terminal(&self) -> impl Iterator<Item = String> {
        self.0.iter().take(SHOWN).map(|name| {
            let mut shown: String = name.chars().take(LENGTH).flat_map(char::escape_default).collect();
            if name.chars().nth(LENGTH).is_some() {
                shown.push_str("...");
            }
            shown
        })
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hidden names", self.0.len())
    }
}

/// What goes into a finding: nothing that a terminal could act on, and no more than a long line. A host, an error and a
/// cluster's id come from brokers.
pub(crate) fn plain(text: &str) -> String {
    const LONGEST: usize = 2_000;
    let mut plain = String::new();
    for next in text.chars().take(LONGEST) {
        if next.is_control() || is_invisible(next) {
            plain.extend(next.escape_default());
        } else {
            plain.push(next);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        plain.push_str("...");
    }
    plain
}

/// Marks that change the direction of what follows, and others that show nothing.
fn is_invisible(next: char) -> bool {
    matches!(next, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hostile_broker_calls_things_cannot_act_on_a_terminal_or_fill_it() {
        let hostile = ["\u{1b}[2Jgone".to_owned(), "a\u{202e}b".to_owned(), "x".repeat(5_000), "a\u{202e}b".to_owned()];
        let hidden = Hidden::new(hostile);
        assert_eq!(hidden.count(), 3);
        let shown: Vec<String> = hidden.for_terminal().collect();
        assert_eq!(shown[0], "\\u{1b}[2Jgone");
        assert_eq!(shown[1], "a\\u{202e}b");
        assert_eq!(shown[2].len(), LENGTH + 3);
        let many = Hidden::new((0..100_000).map(|number| number.to_string()));
        assert_eq!((many.count(), many.for_terminal().count()), (100_000, SHOWN));
        assert_eq!(plain("kafka\u{1b}[2J:9092\n"), "kafka\\u{1b}[2J:9092\\n");
        assert!(plain(&"x".repeat(1 << 20)).len() < 3_000);
    }

    #[test]
    fn hidden_names_are_not_written_by_accident() {
        let hidden = Hidden::new(["mediawiki.secret".to_owned()]);
        assert_eq!(format!("{hidden:?}"), "1 hidden names");
    }
}
