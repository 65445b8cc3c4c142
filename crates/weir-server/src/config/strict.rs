//! Compares what was written with the schema of the raw structs, and reports every difference at once.
//!
//! serde stops at the first key that it does not know; an operator wants all of them. Must never: accept what serde
//! would refuse, or hold a rule of its own about a key (the schema is derived from the structs).

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use weir_policy::ConfigErrors;

use super::place::{At, Place};
use super::problems::Problems;
use super::tree::{self, Node, NotYaml};

/// Reads a file into its raw struct.
///
/// # Errors
/// Every unknown, missing and doubled key and every value of a wrong kind, with its place.
pub fn read<T: DeserializeOwned + schemars::JsonSchema>(file: &str, text: &str) -> Result<T, ConfigErrors> {
    let mut problems = Problems::new(file);
    match tree::read(text) {
        Ok(root) => {
            let schema = schemars::schema_for!(T).to_value();
            Checker { definitions: &schema, problems: &mut problems }.check(&root, &schema, WHOLE);
        }
        Err(error) => not_yaml(&mut problems, error),
    }
    if !problems.is_empty() {
        return Err(problems.into_errors());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        not_yaml(&mut problems, NotYaml::from(&error));
        problems.into_errors()
    })
}

fn not_yaml(problems: &mut Problems, error: NotYaml) {
    problems.add(error.place, format!("this is not YAML that can be read: {}", error.what), "correct the syntax here");
}

/// What messages call the whole document.
const WHOLE: &str = "the file";

struct Checker<'a> {
    definitions: &'a Value,
    problems: &'a mut Problems,
}

impl<'a> Checker<'a> {
    /// Checks one value. `name` is what messages call it.
    fn check(&mut self, node: &At<Node>, schema: &'a Value, name: &str) {
        let schema = self.resolve(schema);
        if schema.get("oneOf").is_some() {
            return self.check_choice(node, schema, name);
        }
        // A key without a value is never a key that is not there: `allow:` over entries that were commented out must not
        // mean everybody.
        match (kind(schema), &node.value) {
            (Some("object"), Node::Map(entries)) => self.check_map(node.place, entries, schema, name),
            (Some("array"), Node::List(items)) => self.check_list(node.place, items, schema, name),
            (Some("integer"), Node::Integer(value)) => self.check_integer(node.place, *value, schema, name),
            // YAML reads `1.3` as a number and `on` as a text; where a text is wanted, what stands there is the text.
            (Some("string"), Node::Text(_) | Node::Integer(_) | Node::Number(_) | Node::Bool) => {}
            (wanted, found) => {
                let what = if name == WHOLE {
                    format!("{name} holds {}", found.kind())
                } else {
                    format!("`{name}` is {}", found.kind())
                };
                self.problems.add(node.place, what, format!("write {}", wanted_kind(wanted)));
            }
        }
    }

    fn check_map(&mut self, place: Place, entries: &[(At<String>, At<Node>)], schema: &'a Value, name: &str) {
        let known = schema.get("properties").and_then(Value::as_object);
        let free = schema.get("additionalProperties").filter(|value| value.is_object());
        let mut lines: HashMap<&str, u64> = HashMap::new();
        for (key, value) in entries {
            if let Some(line) = lines.insert(&key.value, key.place.line) {
                let what = format!("`{}` was written before, in line {line}", key.value);
                self.problems.add(key.place, what, "keep one of the two");
            }
            match known.and_then(|known| known.get(&key.value)).or(free) {
                Some(schema) => self.check(value, schema, &key.value),
                None => self.unknown_key(key, known),
            }
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(required) = required.as_str().filter(|key| !lines.contains_key(key)) {
                let place = if place.line == 0 { Place { line: 1, column: 1 } } else { place };
                self.problems.add(place, format!("`{required}` is missing in {name}"), format!("add `{required}:`"));
            }
        }
    }

    fn unknown_key(&mut self, key: &At<String>, known: Option<&serde_json::Map<String, Value>>) {
        let mut names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let near = names.iter().find(|name| is_near(name, &key.value));
        let fix = match near {
            Some(name) => format!("write `{name}`"),
            None => format!("write one of {}", names.join(", ")),
        };
        self.problems.add(key.place, format!("`{}` is not a key here", key.value), fix);
    }

    fn check_list(&mut self, place: Place, items: &[At<Node>], schema: &'a Value, name: &str) {
        let exact = schema.get("maxItems").and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        if let Some(exact) = exact.filter(|exact| *exact != items.len()) {
            let what = format!("`{name}` has {} values", items.len());
            return self.problems.add(place, what, format!("write {exact} values"));
        }
        let fixed = schema.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let schema = fixed.and_then(|fixed| fixed.get(index)).or_else(|| schema.get("items"));
            if let Some(schema) = schema {
                self.check(item, schema, name);
            }
        }
    }

    fn check_integer(&mut self, place: Place, value: i128, schema: &Value, name: &str) {
        let (low, high) = integer_range(schema);
        if value < low || value > high {
            self.problems.add(place, format!("`{name}` is {value}"), format!("write a number from {low} to {high}"));
        }
    }

    fn check_choice(&mut self, node: &At<Node>, schema: &Value, name: &str) {
        let choices: Vec<&str> = choices(schema).map(|(value, _)| value).collect();
        let written = match &node.value {
            Node::Text(text) => Some(text.clone()),
            // `1.3` without quotes.
            Node::Number(number) => Some(number.to_string()),
            _ => None,
        };
        if written.as_deref().is_none_or(|written| !choices.contains(&written)) {
            let what = match written {
                Some(written) => format!("`{name}` cannot be `{written}`"),
                None => format!("`{name}` is {}", node.value.kind()),
            };
            self.problems.add(node.place, what, format!("write one of {}", choices.join(", ")));
        }
    }

    /// Follows `$ref`, and `anyOf` with null, which is how an optional struct is written.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let alternatives = schema.get("anyOf").and_then(Value::as_array);
        let schema = alternatives.and_then(|all| all.first()).unwrap_or(schema);
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        let definition = name.and_then(|name| self.definitions.get("$defs").and_then(|all| all.get(name)));
        definition.unwrap_or(schema)
    }
}

/// The values of an enum and what they mean.
pub(super) fn choices(schema: &Value) -> impl Iterator<Item = (&str, &str)> {
    let all = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|choice| {
        let meaning = choice.get("description").and_then(Value::as_str).unwrap_or_default();
        Some((choice.get("const")?.as_str()?, meaning))
    })
}

/// The kind of a value that is written; `null` stands second where a key may be left out.
fn kind(schema: &Value) -> Option<&str> {
    let kind = schema.get("type")?;
    kind.as_str().or_else(|| kind.get(0)?.as_str())
}

fn wanted_kind(kind: Option<&str>) -> &'static str {
    match kind {
        Some("object") => "keys and values",
        Some("array") => "a list",
        Some("integer") => "a whole number",
        _ => "a text",
    }
}

fn integer_range(schema: &Value) -> (i128, i128) {
    let bound = |key: &str| schema.get(key).and_then(Value::as_i64).map(i128::from);
    let (low, high) = match schema.get("format").and_then(Value::as_str) {
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    };
    (bound("minimum").unwrap_or(low), bound("maximum").unwrap_or(high))
}

/// Whether two keys differ in at most two letters, or in the kind of dash.
fn is_near(known: &str, written: &str) -> bool {
    let written = written.replace('-', "_").to_ascii_lowercase();
    distance(known, &written) <= 2.min(known.len() / 3)
}

/// The Levenshtein distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, byte) in one.bytes().enumerate() {
        let mut last = index + 1;
        let mut next = vec![last];
        for (pair, second) in row.windows(2).zip(other.bytes()) {
            let [diagonal, above] = pair else { continue };
            last = (diagonal + usize::from(byte != second)).min(above + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
