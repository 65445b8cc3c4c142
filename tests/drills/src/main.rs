//! `make drills`: all of them in their long form, or those that are named.

use std::panic::catch_unwind;
use std::process::ExitCode;

use weir_drills::{Form, drills};

fn main() -> ExitCode {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    let form = if wanted.iter().any(|name| name == "--short") { Form::Short } else { Form::Long };
    wanted.retain(|name| name != "--short");
    let known: Vec<&str> = drills::ALL.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        eprintln!("there is no drill `{unknown}`; the drills are {}", known.join(", "));
        return ExitCode::FAILURE;
    }
    let (mut held, mut broken) = (0, 0);
    for (name, run) in drills::ALL {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        // What stops a drill breaks it, and not those after it.
        let Ok(reports) = catch_unwind(|| run(form)) else {
            println!("BROKEN {name}: it stopped half way, for what is told above");
            broken += 1;
            continue;
        };
        for report in reports {
            println!("{report}");
            if report.held() { held += 1 } else { broken += 1 }
        }
    }
    println!("drills: {held} held, {broken} broken");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
