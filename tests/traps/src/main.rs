//! `weir-traps [ID...]`: breaks the guards of the drawn traps, or of those named, and says whether their tests noticed.
//!
//! Must never: end with status 0 where one did not.

use std::process::ExitCode;

use weir_traps::rows::Row;
use weir_traps::{draw, prove, rows};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok((broken, failed)) => {
            println!("traps: {broken} guards broken, {failed} tests failed");
            if broken == failed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(wrong) => {
            eprintln!("traps: {wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run(named: Vec<String>) -> Result<(usize, usize), String> {
    let rows = rows::load()?;
    let mut chosen: Vec<&Row> = draw::draw(&rows);
    if !named.is_empty() {
        let row_of = |id: &String| rows.iter().find(|row| row.id == *id).ok_or(format!("{id}: there is no such trap"));
        chosen = named.iter().map(row_of).collect::<Result<_, _>>()?;
    }
    Ok((chosen.len(), prove::all(&chosen)?))
}
