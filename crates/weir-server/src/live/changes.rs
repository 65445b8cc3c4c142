//! What a new generation changes of the policy, in the log and in the audit: the words of `weir diff`.
//!
//! Must never: hold up who is served (the generation is in force by then), or fill the log with one change of many
//! files.

use std::sync::Arc;

use weir_policy::{Diff, Policy};

use crate::audit::{Audit, Event};

/// Changes that are written out, of one generation; the others are counted.
const TOLD: usize = 50;

/// What is told of one change, in characters.
const LONGEST: usize = 512;

/// Tells what is different in `after`, which came into force with a generation.
pub(super) fn tell(before: &Arc<Policy>, after: &Arc<Policy>, generation: u64, audit: &Audit) {
    // Certificates, lists or the configuration may be all that is new.
    let diff = if Arc::ptr_eq(before, after) { Diff::default() } else { Diff::between(before, after) };
    log(&diff);
    let changes: Vec<String> = diff.0.iter().map(ToString::to_string).collect();
    let (changes, more) = some(changes.iter().map(String::as_str), TOLD);
    audit.note(Event::PolicyReloaded { generation, changes, more });
}

/// The first so many lines, and how many more there are.
pub(super) fn some<'a>(lines: impl Iterator<Item = &'a str>, most: usize) -> (Vec<String>, u64) {
    let mut lines = lines.fuse();
    let first = lines.by_ref().take(most).map(|line| line.chars().take(LONGEST).collect()).collect();
    (first, u64::try_from(lines.count()).unwrap_or(u64::MAX))
}

fn log(diff: &Diff) {
    for change in diff.0.iter().take(TOLD) {
        tracing::info!("policy: {change}");
    }
    if let Some(more @ 1..) = diff.0.len().checked_sub(TOLD) {
        tracing::info!(more, "policy: further changes, which `weir diff OLD NEW` tells");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::snapshot::fixture::Fixture;

    /// What is logged of a change from one state of the fixture to another.
    fn logged(change: impl Fn(&Fixture)) -> Vec<String> {
        let fixture = Fixture::new();
        let before = fixture.snapshot().policy;
        change(&fixture);
        let after = fixture.snapshot().policy;
        let path = fixture.path("log");
        let file = Mutex::new(std::fs::File::create(&path).unwrap());
        let subscriber = tracing_subscriber::fmt().with_writer(file).with_ansi(false).without_time().finish();
        tracing::subscriber::with_default(subscriber, || tell(&before, &after, 2, &Audit::default()));
        let text = std::fs::read_to_string(path).unwrap();
        let line = |line: &str| line.split_once("changes: ").unwrap().1.to_owned();
        text.lines().map(line).collect()
    }

    #[test]
    fn a_reload_tells_what_it_changed() {
        assert!(logged(|_| ()).is_empty());
        let granted = logged(|fixture| fixture.grant("tool", "eqiad.page"));
        assert_eq!(granted, ["policy: + catalogue: topic eqiad.page", "policy: + tool may read eqiad.page"]);
    }

    #[test]
    fn a_reload_of_many_changes_tells_some_and_counts_the_rest() {
        let lines = logged(|fixture| {
            (0..40).for_each(|number| fixture.write_principal(&format!("p{number}"), &format!("{{cn: p{number}}}")));
        });
        assert_eq!(lines.len(), TOLD + 1);
        assert_eq!(lines[TOLD], "policy: further changes, which `weir diff OLD NEW` tells more=30");
    }
}
