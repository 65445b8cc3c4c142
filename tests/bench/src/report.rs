//! The rows that are built, the table, and `latest.json`.

use std::fmt;
use std::fs;

use serde_json::{Value, json};

use crate::Options;
use crate::bar::{BAR, BULK_FETCH, Figure, Sense};
use crate::bulk_fetch::{self, BulkFetch, Cell};
use crate::failure::{Context, Failure};

/// Runs the rows that are wanted and reports on all.
pub fn run(options: &Options) -> Result<(), Failure> {
    let wanted = |figure: &&Figure| options.only.as_deref().is_none_or(|only| only == figure.row);
    let figures: Vec<&Figure> = BAR.iter().filter(wanted).collect();
    if figures.is_empty() {
        let mut rows: Vec<&str> = BAR.iter().map(|figure| figure.row).collect();
        rows.dedup();
        return Err(Failure::new(format!("there is no such row; write one of {}", rows.join(", "))));
    }
    let mut rows = Vec::new();
    let mut void = None;
    let machine = Machine::now();
    println!("{machine}");
    for figure in figures {
        if figure.row == BULK_FETCH.row {
            let dir = tempfile::tempdir().context("no temporary directory")?;
            let found = bulk_fetch::measure(options, dir.path())?;
            print_bulk_fetch(&found, options.rounds);
            void =
                (!found.is_valid()).then(|| "the bare relay costs more than copy_bidirectional_with_sizes".to_owned());
            rows.extend(found.cells.iter().map(bulk_fetch_row));
        } else {
            println!("{:<48} not built   must {}", figure.name, mark(figure, figure.must));
            rows.push(not_built(figure));
        }
    }
    if let Some(reason) = &void {
        println!("VOID: {reason}");
    }
    let path = options.out.join("latest.json");
    let report = json!({ "rows": rows, "void": void, "machine": machine.to_string() });
    fs::create_dir_all(&options.out).context("the output directory cannot be made")?;
    fs::write(&path, format!("{report:#}\n")).context("latest.json cannot be written")?;
    println!("{}", path.display());
    if void.is_some() { Err(Failure::new("the run is void")) } else { Ok(()) }
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

fn print_bulk_fetch(found: &BulkFetch, rounds: u32) {
    println!("{}: CPU-s/GB, minimum / median of {rounds}, in turns; mTLS 1.3, AES-128-GCM", BULK_FETCH.name);
    println!(
        "  {:<38} {:>15} {:>15} {:>7} {:>9}  {:>13}  {:>13}",
        "", "weir", "bare relay", "ratio", "by pairs", "core busy", "TLS records"
    );
    for cell in &found.cells {
        let (weir, bare) = (&cell.weir, &cell.bare);
        let ratio = ratio(cell);
        println!(
            "  {:<38} {:>15} {:>15} {:>7.3} {:>9.3}  {:>13}  {:>13}  {}",
            cell.way.to_string(),
            format!("{:.3} / {:.3}", weir.cost.minimum(), weir.cost.median()),
            format!("{:.3} / {:.3}", bare.cost.minimum(), bare.cost.median()),
            ratio,
            weir.cost.against(&bare.cost).median(),
            format!("{:.0}% / {:.0}%", weir.busy.median() * 100.0, bare.busy.median() * 100.0),
            format!("{:.0} / {:.0}", weir.records.median(), bare.records.median()),
            verdict(&BULK_FETCH, ratio),
        );
    }
    let bare = &found.cells[found.copied].bare.cost;
    println!(
        "  baseline: bare relay {:.3} / {:.3}, copy_bidirectional_with_sizes {:.3} / {:.3}: {}",
        bare.minimum(),
        bare.median(),
        found.copy.cost.minimum(),
        found.copy.cost.median(),
        if found.is_valid() { "good" } else { "NOT GOOD" },
    );
    let (counted, asked) = (&found.counted, &found.asked);
    println!(
        "  weir counted: {} Fetches, {} with a refusal, {} items refused, {} bytes to clients",
        counted.fetch_ok + counted.fetch_refused,
        counted.fetch_refused,
        counted.refused_items,
        counted.bytes_to_clients,
    );
    println!(
        "  its broker saw: {} sessions, {} Fetches in them, {} unknown sessions, {} refused topics",
        asked.sessions, asked.incremental, asked.bad_sessions, asked.refused_topics,
    );
}

fn bulk_fetch_row(cell: &Cell) -> Value {
    let ratio = ratio(cell);
    json!({
        "figure": format!("{}: {}", BULK_FETCH.name, cell.way),
        "unit": BULK_FETCH.unit,
        "weir": rounded(cell.weir.cost.minimum()),
        "weir_median": rounded(cell.weir.cost.median()),
        "baseline": rounded(cell.bare.cost.minimum()),
        "baseline_median": rounded(cell.bare.cost.median()),
        "peers": {},
        "ratio": rounded(ratio),
        "ratio_by_pairs": rounded(cell.weir.cost.against(&cell.bare.cost).median()),
        "must": BULK_FETCH.must,
        "aim": BULK_FETCH.aim,
        "met": BULK_FETCH.holds(ratio, BULK_FETCH.must),
    })
}

fn not_built(figure: &Figure) -> Value {
    json!({
        "figure": figure.name,
        "unit": figure.unit,
        "weir": null,
        "baseline": null,
        "peers": {},
        "ratio": null,
        "must": figure.must,
        "aim": figure.aim,
        "met": null,
    })
}

fn ratio(cell: &Cell) -> f64 {
    cell.weir.cost.minimum() / cell.bare.cost.minimum()
}

fn verdict(figure: &Figure, value: f64) -> String {
    if figure.holds(value, figure.aim) {
        "aim met".to_owned()
    } else if figure.holds(value, figure.must) {
        format!("met (aim {})", mark(figure, figure.aim))
    } else {
        format!("MISSED (must {})", mark(figure, figure.must))
    }
}

fn mark(figure: &Figure, mark: f64) -> String {
    let unit = if figure.is_ratio { "x" } else { figure.unit };
    match figure.sense {
        Sense::AtMost => format!("<= {mark} {unit}"),
        Sense::AtLeast => format!(">= {mark} {unit}"),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
