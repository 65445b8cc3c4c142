//! `weir-guard OPERATION COUNT`: sets a desk up and does one operation COUNT times, so that callgrind can count it.
//!
//! callgrind collects inside `operations::counted` alone, so that set-up does not count. `weir-guard list` names the
//! operations.
//! Must never: measure time, print while it counts, or do inside an operation what Weir does not do in one.

mod desk;
mod files;
mod operations;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["list"] {
        operations::names().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let parsed = match arguments.as_slice() {
        [name, count] => operations::find(name).zip(count.parse::<u32>().ok()),
        _ => None,
    };
    let Some((run, count)) = parsed else {
        let names = operations::names().collect::<Vec<_>>().join(", ");
        eprintln!("usage: weir-guard list, or weir-guard OPERATION COUNT with one of: {names}");
        return ExitCode::from(2);
    };
    run(count);
    ExitCode::SUCCESS
}
