//! `docs/config.md`, from the schema of the raw structs and so from their doc comments.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

use super::raw::RawConfig;
use super::strict::choices;

const HEAD: &str = "\
# The configuration

<!-- Made from the doc comments in crates/weir-server/src/config by a test; WEIR_BLESS=1 writes it anew. -->

One YAML file, given to `weir serve -c weir.yaml` and `weir check -c weir.yaml`. Paths are relative to it. An unknown key, a
key that is written twice and a value that makes no sense are refused, all at once, each with its line and what to write
instead. A time is a whole number with a unit (`ms`, `s`, `m`, `h`, `d`), a size one with `B`, `KiB`, `MiB` or `GiB`.

The least that works, for a listener that tells brokers apart by TLS server name:

```yaml
";

const AFTER_EXAMPLE: &str = "\
```

Clients dial `kafka.example.org:9093`; broker 3 is shown to them as `b3.kafka.example.org:9093`. So `kafka.example.org` and
`*.kafka.example.org` resolve to Weir, and both names are in `server.pem`.
";

/// The example; a test reads it.
pub(super) const EXAMPLE: &str = "\
listeners:
  - name: public
    bind: 0.0.0.0:9093
    advertise: {sni: {host: kafka.example.org}}
    upstream: main
    tls: {certificate: server.pem, key: server.key, client_ca: clients-ca.pem}
upstreams:
  main: {bootstrap: [kafka1.internal:9092, kafka2.internal:9092]}
shown_cluster_id: example-public
policy: acl
";

fn document() -> String {
    let schema = schemars::schema_for!(RawConfig).to_value();
    let mut text = format!("{HEAD}{EXAMPLE}{AFTER_EXAMPLE}");
    let mut sections = vec![("The file".to_owned(), &schema)];
    while !sections.is_empty() {
        let (title, section) = sections.remove(0);
        let below = write_section(&mut text, &title, section, &schema);
        sections.splice(0..0, below);
    }
    text
}

/// One table; gives the sections of the keys that hold keys themselves.
fn write_section<'a>(text: &mut String, title: &str, section: &'a Value, root: &'a Value) -> Vec<(String, &'a Value)> {
    let prefix = if title == "The file" { String::new() } else { format!("{title}.") };
    let heading = if prefix.is_empty() { title.to_owned() } else { format!("`{title}`") };
    let about = section["description"].as_str().unwrap_or_default();
    let _ = write!(text, "\n## {heading}\n\n{about}\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
    let properties = section["properties"].as_object().expect("a section has keys");
    let required: Vec<&str> = section["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut below = Vec::new();
    for (key, property) in properties {
        let target = resolve(property, root);
        let default = match required.contains(&key.as_str()) {
            true => "required".to_owned(),
            false => default(property),
        };
        let meaning = meaning(property, target, root);
        let _ = writeln!(text, "| `{key}` | {} | {default} | {meaning} |", kind(target, root));
        if let Some((suffix, inner)) = inner_section(target, root) {
            below.push((format!("{prefix}{key}{suffix}"), inner));
        }
    }
    below
}

/// The keys below: of the value itself, of each item of a list, or of each value of a map.
fn inner_section<'a>(target: &'a Value, root: &'a Value) -> Option<(&'static str, &'a Value)> {
    let has_keys = |schema: &Value| schema["properties"].is_object();
    if has_keys(target) {
        return Some(("", target));
    }
    let item = target.get("items").map(|item| resolve(item, root)).filter(|item| has_keys(item));
    let value = target.get("additionalProperties").filter(|value| value.is_object());
    let value = value.map(|value| resolve(value, root)).filter(|value| has_keys(value));
    item.map(|item| ("[]", item)).or(value.map(|value| (".NAME", value)))
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let schema = schema["anyOf"].get(0).unwrap_or(schema);
    match schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => &root["$defs"][name],
        None => schema,
    }
}

fn kind(target: &Value, root: &Value) -> String {
    if target["oneOf"].is_array() {
        return "one of these".to_owned();
    }
    let kind = target["type"].as_str().or_else(|| target["type"][0].as_str()).unwrap_or("keys");
    match (kind, target["format"].as_str()) {
        ("string", Some(unit @ ("time" | "size"))) => unit.to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "number".to_owned(),
        ("array", _) if target["prefixItems"].is_array() => "two numbers".to_owned(),
        ("array", _) => format!("list of {}", plural(&kind_of_item(&target["items"], root))),
        ("object", _) if target["additionalProperties"].is_object() => {
            format!("names with {}", plural(&kind_of_item(&target["additionalProperties"], root)))
        }
        _ => "keys".to_owned(),
    }
}

fn kind_of_item(item: &Value, root: &Value) -> String {
    kind(resolve(item, root), root)
}

fn plural(kind: &str) -> String {
    match kind {
        "text" | "number" => format!("{kind}s"),
        other => other.to_owned(),
    }
}

fn default(property: &Value) -> String {
    match &property["default"] {
        Value::Null => "-".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Object(keys) if keys.is_empty() => "-".to_owned(),
        Value::Object(_) => "see below".to_owned(),
        other => format!("`{}`", other.to_string().replace('"', "").replace(',', ", ")),
    }
}

/// What a key means, and each value that it, or an item of its list, may have.
fn meaning(property: &Value, target: &Value, root: &Value) -> String {
    let own = property["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
    let item = target.get("items").map_or(target, |item| resolve(item, root));
    let values = choices(target).chain(choices(item).filter(|_| target.get("items").is_some()));
    let values = values.map(|(value, meaning)| format!(" `{value}`: {meaning}"));
    values.fold(own.to_owned(), |text, value| text + &value).replace('\n', " ")
}

#[test]
fn the_document_says_what_the_structs_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let made = document();
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/config.md is not what the structs say; run this test with WEIR_BLESS=1");
}

#[test]
fn every_key_says_what_it_means() {
    fn walk(path: &str, schema: &Map<String, Value>) {
        for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            assert!(property["description"].is_string(), "{path}.{key} has no doc comment");
        }
    }
    let schema = schemars::schema_for!(RawConfig).to_value();
    walk("", schema.as_object().unwrap());
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(name, definition.as_object().unwrap());
    }
}
