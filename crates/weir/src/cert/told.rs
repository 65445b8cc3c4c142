//! Certificates in words and in JSON, the same wherever one is told. Must never show a key.

use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use weir_pki::{By, CrlFile, Entry, Standing};

use super::files::Written;

/// What an index says of a certificate.
pub(super) fn entry(entry: &Entry, now: OffsetDateTime) -> Value {
    let revoked = entry.revocation.as_ref().map(|revocation| {
        let By { operator, ticket } = &revocation.by;
        json!({"at": instant(revocation.at), "by": operator, "ticket": ticket, "cause": revocation.cause.name()})
    });
    let by = &entry.issued_by;
    json!({
        "serial": entry.serial.as_str(),
        "name": entry.name,
        "purpose": entry.purpose.name(),
        "standing": standing(entry.standing(now)),
        "organisation": entry.organisation,
        "alternative_names": entry.alternative_names,
        "not_before": instant(entry.not_before),
        "not_after": instant(entry.not_after),
        "key": entry.key,
        "from_request": entry.from_request,
        "fingerprint_sha256": entry.fingerprint_sha256,
        "renews": entry.renews.as_ref().map(|serial| serial.as_str()),
        "issued": {"at": instant(entry.issued_at), "by": by.operator, "ticket": by.ticket},
        "revoked": revoked,
    })
}

/// A revocation list.
pub(super) fn list(list: &CrlFile) -> Value {
    json!({
        "file": list.path,
        "number": list.number,
        "this_update": instant(list.this_update),
        "next_update": instant(list.next_update),
        "revoked": list.revoked,
    })
}

/// A revocation list in a line.
pub(super) fn list_line(list: &CrlFile) -> String {
    let CrlFile { path, number, revoked, next_update, .. } = list;
    let certificates = if *revoked == 1 { "certificate" } else { "certificates" };
    format!("{}: list {number}, {revoked} {certificates}, the next is due {}", path.display(), day(*next_update))
}

/// Files that were written, as lines.
pub(super) fn written_lines(written: &Written) -> String {
    let key = written.key.as_deref().map(|key| format!("{}: its key; nobody else has it\n", key.display()));
    format!("{}: the certificate and its chain\n{}", written.certificate.display(), key.unwrap_or_default())
}

/// The same in JSON.
pub(super) fn written(written: &Written) -> Value {
    json!({"certificate": written.certificate, "key": written.key.as_deref().map(Path::display).map(|key| key.to_string())})
}

/// A certificate in a line.
pub(super) fn line(entry: &Entry) -> String {
    format!("{}: serial {}, valid until {}", plain(&entry.name), entry.serial.as_str(), minute(entry.not_after))
}

pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::NotYetValid => "not-yet-valid",
        Standing::Valid => "valid",
        Standing::Expired => "expired",
        Standing::Revoked => "revoked",
    }
}

/// For programs: RFC 3339.
pub(super) fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// For people: a day.
pub(super) fn day(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}

/// For people: a minute.
pub(super) fn minute(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC")).unwrap_or_default()
}

/// What a stranger wrote, without the characters that would move a terminal's cursor, turn the text around or not show.
pub(super) fn plain(text: &str) -> String {
    let shown = |next: char| match next {
        '\'' | '"' | '\\' => next.into(),
        _ => next.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

/// Rows in columns; the first row is the heading.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_a_name_moves_no_cursor_and_turns_no_text_around() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\u{200b}\n"), "a\\u{1b}[2J\\u{202e}b\\u{200b}\\n");
        assert_eq!(plain("O=Müller\\, \"and\" o'brien"), "O=Müller\\, \"and\" o'brien");
    }
}
