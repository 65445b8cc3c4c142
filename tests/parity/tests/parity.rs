//! Some of `make parity`, at each `make test`: a seeded choice of single requests, and all scenarios.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use weir_parity::{Part, Run, Setups, compare};
use weir_testkit::require;

const CASES: usize = 1_000;

#[test]
fn a_client_cannot_tell_weir_from_kafka_with_the_same_rights() {
    require!(java());
    let given = std::env::var("WEIR_PARITY_SEED").ok().map(|seed| seed.parse().expect("WEIR_PARITY_SEED is a number"));
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = given.unwrap_or(clock);
    println!("the seed is {seed}; WEIR_PARITY_SEED gives another one");
    let parts = vec![Part::One];
    let setups = Setups::start(&parts);
    let run = Run { seed, parts, cases: Some(CASES), keys: Vec::new(), traces: false, limit: 240 };
    match compare(&setups, &run) {
        Ok(said) => println!("{said}"),
        Err(said) => panic!("{said}\nWEIR_PARITY_SEED={seed} chooses the same cases again\n{}", setups.weir_logs()),
    }
}

fn java() -> Result<(), String> {
    match Command::new("javac").arg("-version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("the comparer needs a JDK 17 (tests/setup.sh)".into()),
    }
}
