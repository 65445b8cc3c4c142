//! Names as MirrorMaker wants them: each entry of its lists is a Java regular expression that must match a whole name
//! (`DefaultTopicFilter`).
//!
//! Must never: write an expression that matches another name, or take one for a name that matches more.

use weir_policy::is_topic_name;

/// The expression that matches this name and no other. Of what a topic's name may hold, only the dot means something
/// else; in brackets it needs no backslash, which properties, YAML and JSON would each want doubled.
pub(super) fn exactly(name: &str) -> String {
    name.replace('.', "[.]")
}

/// The expression that matches what this name with stars does.
pub(super) fn of_glob(glob: &str) -> String {
    exactly(glob).replace('*', ".*")
}

/// The one name that an expression matches; nothing for one that may match others. A bare dot matches any letter.
pub(super) fn only_name(expression: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("[.]").or_else(|| rest.strip_prefix("\\.")) {
            name.push('.');
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            name.push_str(text);
            rest = after;
        } else if first.is_ascii_alphanumeric() || first == '_' || first == '-' {
            name.push(first);
            rest = rest.strip_prefix(first).unwrap_or_default();
        } else {
            return None;
        }
    }
    is_topic_name(&name).then_some(name)
}

/// The entries of a list, as Kafka reads it.
pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}
