//! The table on the terminal, and the same as JSON and as a plot: `latest.json` and `latest.svg` of all rows, or files by
//! the name of the one row that was asked for.
//!
//! Must never: leave a figure of the bar out because it was missed, or was not measured.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::Options;
use crate::bar::{BAR, Figure};
use crate::failure::{Context, Failure};
use crate::line::{Found, Line, Taken, mark, number};
use crate::plot;
use crate::rows::{self, ROWS, Row, Run};

/// Runs the rows that are wanted and reports on all.
pub fn run(options: &Options) -> Result<(), Failure> {
    let rows = wanted(options.only.as_deref())?;
    rows::clear_scratch(options)?;
    let machine = Machine::now();
    let taken = format!("best / median of {} turns; mTLS 1.3, AES-128-GCM", options.rounds);
    println!("{machine}\n{taken}");
    let mut report = Report::default();
    for row in rows {
        let began = Instant::now();
        report.add(row, (row.measure)(&Run::new(options, row)?));
        println!("  took {} s", began.elapsed().as_secs());
        // A run that is cut short leaves what it has found so far.
        report.write(options, &taken, &machine)?;
    }
    if options.only.is_none() {
        report.add_not_built();
    }
    for path in report.write(options, &taken, &machine)? {
        println!("{}", path.display());
    }
    report.verdict()
}

fn wanted(only: Option<&str>) -> Result<Vec<&'static Row>, Failure> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| only.is_none_or(|only| only == row.name)).collect();
    if rows.is_empty() {
        let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        return Err(Failure::new(format!("there is no such row; write one of {}", names.join(", "))));
    }
    Ok(rows)
}

/// What is known so far.
#[derive(Default)]
struct Report {
    rows: Vec<Value>,
    lines: Vec<Line>,
    /// Figures of the bar without a line.
    missing: Vec<&'static Figure>,
    missed: Vec<String>,
    void: Vec<String>,
    failed: Vec<String>,
}

impl Report {
    fn add(&mut self, row: &Row, found: Result<Found, Failure>) {
        println!("\n{}", row.name);
        match found {
            Ok(found) => self.add_found(row, found),
            Err(failure) => {
                println!("  FAILED: {failure}");
                self.failed.push(format!("{}: {failure}", row.name));
            }
        }
    }

    fn add_found(&mut self, row: &Row, found: Found) {
        for line in &found.lines {
            println!("{}", Text(line));
            self.rows.push(object(row, line));
            if line.is_met() == Some(false) {
                self.missed.push(line.figure.clone());
            }
        }
        self.lines.extend(found.lines);
        for line in &found.told {
            println!("  {line}");
        }
        if let Some(reason) = &found.void {
            println!("  VOID: {reason}");
            self.void.push(format!("{}: {reason}", row.name));
        }
    }

    /// Every figure of the bar has its line, measured or not.
    fn add_not_built(&mut self) {
        let is_seen =
            |figure: &Figure| self.lines.iter().filter_map(|line| line.bar).any(|bar| bar.name == figure.name);
        self.missing = BAR.iter().filter(|figure| !is_seen(figure)).collect();
        for figure in &self.missing {
            println!("  {:<56} not built   must {}", figure.name, mark(figure, figure.must));
            self.rows.push(not_built(figure));
        }
    }

    /// Writes the figures and the plot, and says where.
    fn write(&self, options: &Options, taken: &str, machine: &Machine) -> Result<[PathBuf; 2], Failure> {
        let json =
            json!({ "rows": self.rows, "void": self.void, "failed": self.failed, "machine": machine.to_string() });
        let plot = plot::svg(&format!("{taken}; {machine}"), &self.lines, &self.missing);
        // A run of one row leaves alone what a run of all has found.
        let name = options.only.as_deref().unwrap_or("latest");
        let files = ["json", "svg"].map(|kind| options.out.join(format!("{name}.{kind}")));
        for (file, text) in files.iter().zip([format!("{json:#}\n"), plot]) {
            fs::write(file, text).context("the report cannot be written")?;
        }
        Ok(files)
    }

    fn verdict(&self) -> Result<(), Failure> {
        for missed in &self.missed {
            println!("MISSED: {missed}");
        }
        for line in self.lines.iter().filter(|line| line.bar.is_some() && line.is_met().is_none()) {
            println!("NOT JUDGED, for want of what it is compared with: {}", line.figure);
        }
        match (self.failed.first(), self.void.first()) {
            (Some(failed), _) => Err(Failure::new(failed.clone())),
            (None, Some(void)) => Err(Failure::new(format!("the run is void: {void}"))),
            (None, None) => Ok(()),
        }
    }
}

/// A line as a person reads it.
struct Text<'a>(&'a Line);

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.0;
        write!(formatter, "  {:<56} {:>21} {:<9}", line.figure, pair(&line.weir), line.unit)?;
        if let (Some((name, baseline)), Some(ratio)) = (&line.baseline, line.ratio()) {
            write!(formatter, " {ratio:>7.3}x of {name} {}", pair(baseline))?;
        }
        if let (Some(bar), Some(must)) = (line.bar, line.must) {
            match (line.is_met(), line.is_aim_met()) {
                (_, Some(true)) => write!(formatter, "  aim met")?,
                (Some(true), _) => write!(formatter, "  met (aim {})", mark(bar, bar.aim))?,
                (Some(false), _) => write!(formatter, "  MISSED (must {})", mark(bar, must))?,
                (None, _) => write!(formatter, "  no baseline (must {})", mark(bar, must))?,
            }
        }
        for (name, peer) in &line.peers {
            match peer {
                Ok(taken) => write!(formatter, "\n      {name:<52} {:>21}", pair(taken))?,
                Err(why) => write!(formatter, "\n      {name:<52} NOT MEASURED: {why}")?,
            }
        }
        Ok(())
    }
}

fn pair(taken: &Taken) -> String {
    format!("{} / {}", number(taken.best), number(taken.median))
}

fn object(row: &Row, line: &Line) -> Value {
    let peers: Map<String, Value> = line
        .peers
        .iter()
        .map(|(name, peer)| (name.clone(), peer.as_ref().map_or(Value::Null, |taken| rounded(taken.best).into())))
        .collect();
    json!({
        "row": row.name,
        "figure": line.figure,
        "unit": line.unit,
        "weir": rounded(line.weir.best),
        "weir_median": rounded(line.weir.median),
        "baseline": line.baseline.as_ref().map(|(_, baseline)| rounded(baseline.best)),
        "baseline_median": line.baseline.as_ref().map(|(_, baseline)| rounded(baseline.median)),
        "baseline_name": line.baseline.as_ref().map(|(name, _)| name),
        "peers": peers,
        "ratio": line.ratio().map(rounded),
        "must": line.must,
        "aim": line.bar.map(|bar| bar.aim),
        "met": line.is_met(),
    })
}

fn not_built(figure: &Figure) -> Value {
    json!({
        "row": null, "figure": figure.name, "unit": figure.unit, "weir": null, "baseline": null, "peers": {},
        "ratio": null, "must": figure.must, "aim": figure.aim, "met": null,
    })
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// What else a figure depends on.
struct Machine {
    load: String,
    congestion_control: String,
}

impl Machine {
    fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_else(|_| "unknown".to_owned());
        Self {
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            congestion_control: read("/proc/sys/net/ipv4/tcp_congestion_control").trim().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "load at the start {} (best below 0.5), TCP {}", self.load, self.congestion_control)
    }
}
