//! The table in `docs/operate/audit.md`, from the schema of the events and so from their doc comments.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::Event;

const BEGIN: &str =
    "<!-- Made from crates/weir-server/src/audit/event.rs by a test; WEIR_BLESS=1 writes it anew. -->\n";
const END: &str = "<!-- The end of what is made. -->\n";

fn one_line(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace('\n', " ")
}

/// One section for each event.
fn sections() -> String {
    let schema = schemars::schema_for!(Event).to_value();
    let mut text = String::new();
    for event in schema["oneOf"].as_array().unwrap() {
        let members = event["properties"].as_object().unwrap();
        let name = members["event"]["const"].as_str().unwrap();
        let required: Vec<&str> = event["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let _ = write!(text, "\n### `{name}`\n\n{}\n", one_line(&event["description"]));
        let rows: String = members
            .iter()
            .filter(|(member, _)| *member != "event")
            .map(|(member, about)| {
                let kind = about["type"].as_str().or(about["type"][0].as_str()).unwrap();
                let kind = match kind {
                    "integer" => "number",
                    "array" => "list of texts",
                    "boolean" => "true or false",
                    _ => "text",
                };
                let optional = if required.contains(&member.as_str()) { "" } else { ", or absent" };
                format!("| `{member}` | {kind}{optional} | {} |\n", one_line(&about["description"]))
            })
            .collect();
        if !rows.is_empty() {
            let _ = write!(text, "\n| member | value | meaning |\n|---|---|---|\n{rows}");
        }
    }
    text
}

#[test]
fn the_page_says_what_the_events_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate/audit.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let made = format!("{before}{BEGIN}{}\n{END}{after}", sections());
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == made, "docs/operate/audit.md is not what the events say; run this test with WEIR_BLESS=1");
}

#[test]
fn every_member_says_what_it_means() {
    let schema = schemars::schema_for!(Event).to_value();
    for event in schema["oneOf"].as_array().unwrap() {
        let name = &event["properties"]["event"]["const"];
        assert!(event["description"].is_string(), "{name}");
        for (member, about) in event["properties"].as_object().unwrap() {
            assert!(member == "event" || about["description"].is_string(), "{name}.{member}");
        }
    }
}
