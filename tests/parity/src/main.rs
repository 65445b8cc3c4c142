//! `make parity`: everything, or some of it.

use std::process::ExitCode;
use std::time::Instant;

use weir_parity::{Part, Run, Setups, compare};

const USAGE: &str = "usage: weir-parity [--only one,plain,three] [--cases N] [--seed N] [--keys 1,2,3] \
                     [--traces yes|no] [--limit SECONDS]";

fn main() -> ExitCode {
    let run = match parse(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(run) => run,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let setups = Setups::start(&run.parts);
    println!("the set-ups are ready after {:.1} s; the seed is {}", start.elapsed().as_secs_f32(), run.seed);
    match compare(&setups, &run) {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(said) => {
            println!("{said}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[String]) -> Result<Run, String> {
    let mut run = Run { seed: 1, parts: Part::ALL.to_vec(), cases: None, keys: Vec::new(), traces: true, limit: 1_200 };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let wrong = |error: std::num::ParseIntError| format!("{word} {value}: {error}");
        match word.as_str() {
            "--only" => run.parts = value.split(',').map(part).collect::<Result<_, _>>()?,
            "--traces" => run.traces = value == "yes",
            "--cases" => run.cases = Some(value.parse().map_err(wrong)?),
            "--seed" => run.seed = value.parse().map_err(wrong)?,
            "--limit" => run.limit = value.parse().map_err(wrong)?,
            "--keys" => run.keys = value.split(',').map(str::parse).collect::<Result<_, _>>().map_err(wrong)?,
            _ => return Err(format!("{word} is not an option")),
        }
    }
    Ok(run)
}

fn part(name: &str) -> Result<Part, String> {
    let found = Part::ALL.into_iter().find(|part| part.name() == name);
    found.ok_or_else(|| format!("{name} is not a part: one, plain or three"))
}
