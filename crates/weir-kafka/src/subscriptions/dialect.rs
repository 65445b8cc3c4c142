//! RE2's language, which Kafka takes, in the words of this engine, which reads more, and a few things otherwise.
//!
//! Must never: say less than the pattern: what is not understood is left for the engine to refuse.

use std::borrow::Cow;

/// The most times that RE2 repeats something.
const REPEATS: u32 = 1000;
/// The flags that RE2 has.
const FLAGS: &str = "imsU-";

/// A piece of a pattern, and what stands behind it.
struct Piece<'a> {
    text: Cow<'a, str>,
    rest: &'a str,
    repeats: bool,
}

/// The pattern as this engine is to read it, or nothing where RE2 refuses what this engine would take.
pub(super) fn translated(pattern: &str) -> Option<String> {
    let mut whole = String::with_capacity(pattern.len());
    let (mut rest, mut repeated) = (pattern, false);
    while let Some(next) = rest.chars().next() {
        let piece = match next {
            '\\' => escape(rest),
            '[' => class(rest),
            '(' => group(rest)?,
            '*' | '+' | '?' => lazy(rest, 1),
            '{' => counted(rest)?,
            plain => cut(rest, plain.len_utf8()),
        };
        // A repetition of a repetition.
        if piece.repeats && repeated {
            return None;
        }
        whole.push_str(&piece.text);
        (rest, repeated) = (piece.rest, piece.repeats);
    }
    Some(whole)
}

fn cut(rest: &str, length: usize) -> Piece<'_> {
    let (text, rest) = rest.split_at_checked(length).unwrap_or((rest, ""));
    Piece { text: Cow::Borrowed(text), rest, repeats: false }
}

/// A repetition of so many bytes, and the question mark that makes it lazy.
fn lazy(rest: &str, length: usize) -> Piece<'_> {
    let is_lazy = rest.get(length..).is_some_and(|behind| behind.starts_with('?'));
    Piece { repeats: true, ..cut(rest, length.saturating_add(usize::from(is_lazy))) }
}

/// What is between `\Q` and `\E` stands for itself; Java's `Pattern.quote` writes them, and this engine has not.
fn escape(rest: &str) -> Piece<'_> {
    if let Some(quoted) = rest.strip_prefix("\\Q") {
        let (quoted, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        return Piece { text: Cow::Owned(regex::escape(quoted)), rest, repeats: false };
    }
    let braced = ["\\p{", "\\P{", "\\x{"].iter().any(|braced| rest.starts_with(braced));
    let end = if braced { rest.find('}').map(|at| at.saturating_add(1)) } else { None };
    let escaped = rest.chars().take(2).map(char::len_utf8).fold(0, usize::saturating_add);
    cut(rest, end.unwrap_or(escaped))
}

/// Inside a class, this engine has classes and sets, where RE2 has characters.
fn class(rest: &str) -> Piece<'_> {
    let start = ["[^]", "[]", "[^"].into_iter().find(|start| rest.starts_with(start)).unwrap_or("[");
    let mut text = start.to_owned();
    let mut inside = rest.get(start.len()..).unwrap_or_default();
    while let Some(next) = inside.chars().next() {
        let named = inside.starts_with("[:").then(|| inside.find(":]")).flatten();
        let piece = match (next, named) {
            ('\\', _) => cut(inside, inside.chars().take(2).map(char::len_utf8).fold(0, usize::saturating_add)),
            (_, Some(end)) => cut(inside, end.saturating_add(2)),
            ('[' | '&' | '~', None) | ('-', None) if next != '-' || inside.starts_with("--") => {
                text.push('\\');
                cut(inside, 1)
            }
            (other, _) => cut(inside, other.len_utf8()),
        };
        text.push_str(&piece.text);
        inside = piece.rest;
        if next == ']' {
            break;
        }
    }
    Piece { text: Cow::Owned(text), rest: inside, repeats: false }
}

fn group(rest: &str) -> Option<Piece<'_>> {
    let Some(special) = rest.strip_prefix("(?") else { return Some(cut(rest, 1)) };
    if !special.starts_with("P<") && !special.starts_with('<') {
        let (flags, _) = special.split_once([':', ')'])?;
        flags.chars().all(|flag| FLAGS.contains(flag)).then_some(())?;
    }
    Some(cut(rest, 2))
}

/// A brace that counts nothing stands for itself.
fn counted(rest: &str) -> Option<Piece<'_>> {
    let counts = rest.strip_prefix('{').and_then(|inside| inside.split_once('}')).map(|(counts, _)| counts);
    let (least, most) = counts.map_or(("", ""), |counts| counts.split_once(',').unwrap_or((counts, "")));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(counts) = counts.filter(|_| !least.is_empty() && is_number(least) && is_number(most)) else {
        return Some(Piece { text: Cow::Borrowed("\\{"), ..cut(rest, 1) });
    };
    let few = |text: &str| text.is_empty() || text.parse().is_ok_and(|count: u32| count <= REPEATS);
    (few(least) && few(most)).then(|| lazy(rest, counts.len().saturating_add(2)))
}
