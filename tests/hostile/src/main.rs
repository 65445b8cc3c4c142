//! `under-cap SLACK gate FILE`: puts every case of a file through frame, header, gate and decoder, and may allocate no more
//! for each than eight times its frame and SLACK bytes. Beyond that the process is aborted, as it would be where memory
//! ends. `under-cap SLACK no-gate FILE` decodes at once: it is there to show that the cap is noticed.
//! Prints the number of each case before it begins, so that the last line tells which one ended the process.

use std::alloc::System;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::process::ExitCode;

use bytes::Bytes;
use cap::Cap;
use weir_hostile::case::Case;
use weir_hostile::through::{self, Direction};
use weir_kafka::header;
use weir_kafka::table;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (slack, with_gate, file) = match args.as_slice() {
        [slack, gate, file] if slack.parse::<usize>().is_ok() => (slack.parse().unwrap_or(0), gate == "gate", file),
        _ => {
            eprintln!("usage: under-cap SLACK gate|no-gate FILE");
            return ExitCode::from(2);
        }
    };
    match run(file, slack, with_gate) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} cases went wrong");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(file: &str, slack: usize, with_gate: bool) -> io::Result<usize> {
    let mut cases = BufReader::new(File::open(file)?);
    let mut progress = io::stdout().lock();
    let mut wrong = 0;
    for number in 0.. {
        let Some(case) = Case::read(&mut cases)? else { break };
        writeln!(progress, "{number}")?;
        let must_pass = case.must_pass;
        let what = format!("case {number}: key {} v{} {:?}", case.key, case.version, case.direction);
        let outcome = under_cap(case, slack, with_gate);
        if outcome.is_ok() != must_pass {
            wrong += 1;
            eprintln!("{what}: {}: {outcome:?}", if must_pass { "must pass" } else { "must be refused" });
        }
    }
    Ok(wrong)
}

fn under_cap(case: Case, slack: usize, with_gate: bool) -> Result<(), String> {
    let Case { direction, key, version, frame, .. } = case;
    let allowed = frame.len() * 8 + slack;
    let frame = Bytes::from(frame);
    let row = table::row(key).ok_or("a key without a row")?;
    MEMORY.set_limit(MEMORY.allocated() + allowed).map_err(|()| "the cap could not be set")?;
    let outcome = match direction {
        _ if !with_gate => {
            let body = header::parse_request_header(&frame[4..], row.is_flexible(version)).map(|(_, start)| start + 4);
            let body = frame.slice(body.map_err(|error| error.to_string())?..);
            through::decode(Direction::Request, key, version, &body)
        }
        Direction::Request => through::request(&frame),
        Direction::Response => through::response(&frame, row, version),
    };
    MEMORY.set_limit(usize::MAX).map_err(|()| "the cap could not be lifted")?;
    outcome
}
