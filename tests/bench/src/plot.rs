//! The plot: a group of bars for each line that the bar judges: Weir, what it is compared with, and the marks.
//!
//! Each group has a scale of its own. Must never: hold a script, or text that is not escaped.

use std::fmt::{self, Write};

use crate::bar::{Figure, Sense};
use crate::line::{Line, mark, number};

const WIDTH: f64 = 960.0;
/// Where bars begin; their names stand before.
const LEFT: f64 = 330.0;
/// The longest bar. Its number stands behind.
const LONGEST: f64 = 520.0;
const ROW: f64 = 18.0;
const HEADING: f64 = 24.0;
const GAP: f64 = 16.0;
const TOP: f64 = 96.0;
/// Names longer than this are cut.
const NAME: usize = 50;
/// A scale ends somewhere, even where all is nothing.
const SMALLEST: f64 = 1e-9;

const WEIR: &str = "#1f5fa8";
const BASELINE: &str = "#8a8f98";
const PEER: &str = "#c3c7ce";
const MUST: &str = "#b3261e";
const AIM: &str = "#1b7f3b";
const TEXT: &str = "#1c1e21";
const FAINT: &str = "#5f6570";

/// Draws the lines that the bar judges, and names its figures that were not measured.
pub fn svg(taken: &str, lines: &[Line], missing: &[&'static Figure]) -> String {
    let groups: Vec<Group> =
        lines.iter().filter_map(Group::of).chain(missing.iter().map(|figure| Group::empty(figure))).collect();
    let height = TOP + groups.iter().map(Group::height).sum::<f64>();
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = draw(&mut out, taken, &groups, height);
    out
}

/// The bars of one line, which share a scale.
struct Group {
    title: String,
    verdict: String,
    bars: Vec<Bar>,
    must: Option<f64>,
    aim: Option<f64>,
}

struct Bar {
    name: String,
    colour: &'static str,
    length: Result<f64, String>,
}

impl Group {
    fn of(line: &Line) -> Option<Self> {
        let (bar, must) = (line.bar?, line.must?);
        let mut bars = vec![Bar { name: "Weir".to_owned(), colour: WEIR, length: length(line.weir.best) }];
        bars.extend(line.baseline.iter().map(|(name, baseline)| Bar {
            name: name.clone(),
            colour: BASELINE,
            length: length(baseline.best),
        }));
        bars.extend(line.peers.iter().map(|(name, peer)| Bar {
            name: name.clone(),
            colour: PEER,
            length: match peer {
                Ok(taken) => length(taken.best),
                Err(why) => Err(format!("not measured: {why}")),
            },
        }));
        // A mark on a ratio lies at that part of the baseline.
        let scale = if bar.is_ratio { line.baseline.as_ref().map(|(_, baseline)| baseline.best) } else { Some(1.0) };
        let verdict = match (line.is_met(), line.is_aim_met()) {
            (_, Some(true)) => "aim met",
            (Some(true), _) => "met",
            (Some(false), _) => "MISSED",
            (None, _) => "no baseline",
        };
        Some(Self {
            title: format!("{}, {}", line.figure, direction(bar)),
            verdict: line.ratio().map_or(verdict.to_owned(), |ratio| format!("{ratio:.2}x, {verdict}")),
            bars,
            must: scale.map(|scale| scale * must),
            aim: scale.map(|scale| scale * bar.aim),
        })
    }

    fn empty(figure: &Figure) -> Self {
        let why = format!("must be {}", mark(figure, figure.must));
        let bars = vec![Bar { name: "Weir".to_owned(), colour: WEIR, length: Err(why) }];
        let title = format!("{}, {}", figure.name, direction(figure));
        Self { title, verdict: "not built".to_owned(), bars, must: None, aim: None }
    }

    fn height(&self) -> f64 {
        HEADING + self.bars.len() as f64 * ROW + GAP
    }

    /// What the longest bar, or a mark beyond it, stands for.
    fn longest(&self) -> f64 {
        let lengths = self.bars.iter().filter_map(|bar| bar.length.as_ref().ok().copied());
        lengths.chain(self.must).chain(self.aim).filter(|length| length.is_finite()).fold(SMALLEST, f64::max)
    }

    fn draw(&self, out: &mut String, top: f64) -> fmt::Result {
        text(out, 16.0, top + 14.0, "start", TEXT, 600, &self.title)?;
        let colour = if self.verdict.contains("MISSED") { MUST } else { FAINT };
        text(out, WIDTH - 16.0, top + 14.0, "end", colour, 600, &self.verdict)?;
        let scale = LONGEST / self.longest();
        let mut y = top + HEADING;
        for bar in &self.bars {
            text(out, LEFT - 8.0, y + 12.5, "end", TEXT, 400, &cut(&bar.name, NAME))?;
            match &bar.length {
                Ok(length) => {
                    let width = (length * scale).clamp(1.0, LONGEST);
                    rectangle(out, [LEFT, y + 2.0, width, ROW - 4.0], bar.colour)?;
                    text(out, LEFT + width + 6.0, y + 12.5, "start", TEXT, 400, &number(*length))?;
                }
                Err(why) => text(out, LEFT, y + 12.5, "start", FAINT, 400, &cut(why, 2 * NAME))?,
            }
            y += ROW;
        }
        for (at, colour, dashes) in [(self.must, MUST, ""), (self.aim, AIM, "4 3")] {
            if let Some(at) = at {
                vertical(out, LEFT + at * scale, [top + HEADING - 3.0, y + 3.0], colour, dashes)?;
            }
        }
        Ok(())
    }
}

/// A bar is as long as a number.
fn length(value: f64) -> Result<f64, String> {
    if value.is_finite() { Ok(value) } else { Err("no figure".to_owned()) }
}

fn direction(figure: &Figure) -> String {
    let better = match figure.sense {
        Sense::AtMost => "less is better",
        Sense::AtLeast => "more is better",
    };
    format!("{} ({better})", figure.unit)
}

fn draw(out: &mut String, taken: &str, groups: &[Group], height: f64) -> fmt::Result {
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">"#
    )?;
    writeln!(out, "<title>What Weir costs</title>")?;
    rectangle(out, [0.0, 0.0, WIDTH, height], "#ffffff")?;
    writeln!(out, r#"<text x="16" y="30" font-size="20" font-weight="600" fill="{TEXT}">What Weir costs</text>"#)?;
    text(out, 16.0, 50.0, "start", FAINT, 400, taken)?;
    let mut x = 16.0;
    for (colour, name) in [(WEIR, "Weir"), (BASELINE, "compared with"), (PEER, "beside it")] {
        rectangle(out, [x, 66.0, 12.0, 12.0], colour)?;
        text(out, x + 18.0, 76.0, "start", TEXT, 400, name)?;
        x += 120.0;
    }
    for (colour, dashes, name) in [(MUST, "", "must"), (AIM, "4 3", "aim")] {
        vertical(out, x, [64.0, 80.0], colour, dashes)?;
        text(out, x + 8.0, 76.0, "start", TEXT, 400, name)?;
        x += 60.0;
    }
    text(out, x, 76.0, "start", FAINT, 400, "each group has its own scale; the best of all turns is drawn")?;
    let mut top = TOP;
    for group in groups {
        group.draw(out, top)?;
        top += group.height();
    }
    writeln!(out, "</svg>")
}

fn rectangle(out: &mut String, [x, y, width, height]: [f64; 4], colour: &str) -> fmt::Result {
    writeln!(out, r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#)
}

fn vertical(out: &mut String, x: f64, [from, to]: [f64; 2], colour: &str, dashes: &str) -> fmt::Result {
    let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
    writeln!(
        out,
        r#"<line x1="{x:.1}" y1="{from:.1}" x2="{x:.1}" y2="{to:.1}" stroke="{colour}" stroke-width="2"{dashes}/>"#
    )
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, colour: &str, weight: u16, words: &str) -> fmt::Result {
    let words = escaped(words);
    writeln!(
        out,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">{words}</text>"#
    )
}

/// XML, also without what XML cannot hold at all.
fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for next in words.chars().filter(|next| !next.is_control()) {
        match next {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(next),
        }
    }
    out
}

fn cut(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    words.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::{BAR, BULK_FETCH, HANDSHAKE_ENVOY};
    use crate::line::Taken;

    /// Elements are closed in order, and nothing else has a bracket or an ampersand.
    fn assert_well_formed(xml: &str) {
        let mut open = Vec::new();
        for part in xml.split('<').skip(1) {
            let (tag, words) = part.split_once('>').expect("a tag ends");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            let name = tag.split_whitespace().next().unwrap_or_default();
            match (name.strip_prefix('/'), tag.ends_with('/')) {
                (Some(closed), _) => assert_eq!(open.pop(), Some(closed)),
                (None, true) => {}
                (None, false) => open.push(name),
            }
            assert!(!words.contains('>'), "{words}");
            for entity in [tag, words].into_iter().flat_map(|text| text.split('&').skip(1)) {
                let name = entity.split_once(';').map(|(name, _)| name);
                assert!(matches!(name, Some("amp" | "lt" | "gt" | "quot")), "{entity}");
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_plot_is_xml_whatever_it_is_told() {
        let line = Line::of(&BULK_FETCH, Taken::once(0.5)).way("<v12> & \"more\"");
        let line =
            line.against("relay <script>", Taken::once(0.4)).beside("x & y", Err("no \u{1b}[1m & <here>".into()));
        let missing: Vec<&Figure> = BAR.iter().collect();
        let svg = svg("load < 1 & more", &[line], &missing);
        assert_well_formed(&svg);
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'));
        assert!(svg.contains("&lt;v12&gt; &amp; &quot;more&quot;"));
    }

    #[test]
    fn marks_of_a_ratio_lie_at_that_part_of_the_baseline() {
        let line = Line::of(&HANDSHAKE_ENVOY, Taken::once(2_400.0)).against("Envoy", Taken::once(2_500.0));
        let group = Group::of(&line).unwrap();
        assert_eq!((group.must, group.aim), (Some(2_250.0), Some(2_500.0)));
        assert_eq!(group.longest(), 2_500.0);
        assert_eq!(group.verdict, "0.96x, met");
    }

    #[test]
    fn nothing_is_drawn_beyond_the_edge() {
        let line = Line::of(&BULK_FETCH, Taken::once(f64::NAN)).against("relay", Taken::once(0.0));
        let svg = svg("", &[line, Line::told("told", "us", Taken::once(1.0))], &[]);
        assert_well_formed(&svg);
        assert!(!svg.contains("\"NaN") && !svg.contains("\"inf"));
        assert!(!svg.contains("told"), "what is only told has no bar to hold it against");
    }
}
