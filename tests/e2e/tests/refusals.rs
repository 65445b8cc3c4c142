//! What five client libraries do when Weir says no: each is made to meet each reason before a real broker, and
//! docs/refusals.md is what was seen.
//!
//! `WEIR_BLESS=1` writes the page. Without it a client for which Weir did otherwise fails, and one that words it otherwise
//! is told; `make refusals` (`WEIR_REFUSALS=exact`) holds every word. `WEIR_TESTS_CLIENTS=java,kafkajs` and
//! `WEIR_TESTS_ROWS=quota-offsets` pick, and leave the rest of the page as it is. Whoever adds a `Reason` or a
//! `CloseReason` adds its row in `refusals/rows.rs` in the same change: a test here fails until then.

#[path = "refusals/no_row.rs"]
mod no_row;
#[path = "refusals/page.rs"]
mod page;
#[path = "refusals/program.rs"]
mod program;
#[path = "refusals/row.rs"]
mod row;
#[path = "refusals/rows.rs"]
mod rows;
#[path = "refusals/run.rs"]
mod run;
#[path = "refusals/stage.rs"]
mod stage;
#[path = "refusals/tries.rs"]
mod tries;
#[path = "refusals/verdict.rs"]
mod verdict;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use weir_policy::Reason;
use weir_server::close_reason::CloseReason;
use weir_testkit::{Kafka, Pki, PrincipalSpec, clients, paths, skip, wait};

use program::{Program, Said};
use row::{CLIENTS, Case, Counted, Met, Row, TOPIC, Why, World};
use stage::Stage;

/// What was seen: the row's name, the client, and the words or why there are none.
type Seen = (String, String, Result<String, String>);

#[test]
fn every_reason_has_a_row() {
    let mut names = BTreeSet::new();
    for row in page::rows() {
        assert!(names.insert(row.name()), "{} has two rows", row.name());
    }
    let is_there = |why: Why| page::rows().any(|row| row.why == why);
    for reason in Reason::ALL {
        assert!(is_there(Why::Reason(*reason)), "{reason} has no row in tests/e2e/tests/refusals/rows.rs");
    }
    for reason in CloseReason::ALL {
        let told = no_row::NO_ROW.iter().filter(|(named, _)| named == reason).count();
        let rows = told + usize::from(is_there(Why::Close(*reason)));
        assert!(rows == 1, "{reason} stands {rows} times in tests/e2e/tests/refusals/{{rows,no_row}}.rs");
    }
}

#[test]
fn the_page_is_that_of_the_rows() {
    let written = std::fs::read_to_string(page::path()).unwrap_or_default();
    let cells = page::read();
    // The other test writes cells; this one writes what stands around them.
    if std::env::var_os("WEIR_BLESS").is_none() {
        assert!(written == page::text(&cells), "docs/refusals.md is not that of its rows: bless it");
        assert!(!written.contains("| ? |"), "docs/refusals.md does not say what every client does");
    }
}

#[test]
fn trap_q7_q8_what_five_clients_do_is_what_the_page_says() {
    let (ready, missing) = set_up();
    if ready.is_empty() {
        skip!("no client to run; {}", missing.join("; "));
    }
    let kafka = stage::kafka();
    let began = Instant::now();
    let mut seen = together(&ready, |client, run| alone(&kafka, client, run, began));
    if let Some(silent) = cases("").find(|(_, case)| case.world == World::NotCounted) {
        seen.extend(tries::with_a_silent_broker(&kafka, &ready, silent));
    }
    verdict::judge(&seen);
    if !missing.is_empty() {
        skip!("these clients cannot run here: {}", missing.join("; "));
    }
}

/// `offsets: deny`: a commit is refused (a row of the page); who says itself where to begin reads, and nothing is left.
/// A group that was joined is empty when its members have left, and the brokers drop it at their next look.
#[test]
fn where_offsets_are_denied_every_client_reads_and_the_brokers_keep_nothing() {
    let (ready, missing) = set_up();
    let kafka = stage::kafka();
    let seen = together(&ready, |client, run| {
        let left = reads_and_leaves_nothing(&kafka, client, run);
        vec![("offsets: deny".into(), client.into(), left.map(|()| String::new()))]
    });
    let failed: Vec<String> =
        seen.iter().filter_map(|(_, client, left)| left.as_ref().err().map(|why| format!("{client}: {why}"))).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    if !missing.is_empty() {
        skip!("these clients cannot run here: {}", missing.join("; "));
    }
}

/// Does something for each client at the same time.
fn together(ready: &[(&'static str, PathBuf)], act: impl Fn(&'static str, &Path) -> Vec<Seen> + Sync) -> Vec<Seen> {
    std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = ready.iter().map(|(client, run)| scope.spawn(move || act(client, run))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a client's thread")).collect()
    })
}

/// One client before all rows but the one that needs a silent broker: in two lanes, of which each has a Weir, since
/// nearly all of the time is waiting.
fn alone(kafka: &Kafka, client: &str, run: &Path, began: Instant) -> Vec<Seen> {
    let is_of_the_door = |case: &Case| matches!(case.counted, Counted::Closed(_));
    std::thread::scope(|scope| {
        let lane = |door: bool| {
            let cases = cases(client).filter(move |(_, case)| is_of_the_door(case) == door);
            scope.spawn(move || lane(kafka, client, run, cases.collect(), began))
        };
        let lanes = [lane(false), lane(true)];
        lanes.into_iter().flat_map(|lane| lane.join().expect("a lane of a client")).collect()
    })
}

fn lane(
    kafka: &Kafka,
    client: &str,
    run: &Path,
    cases: Vec<(&'static Row, &'static Case)>,
    began: Instant,
) -> Vec<Seen> {
    let mut stage = Stage::open(kafka, false);
    let mut seen = Vec::new();
    for (row, case) in cases {
        let held = match case.world {
            World::NotCounted => continue,
            World::ExplicitPrefix => tries::meeting(&mut Stage::open(kafka, true), client, run, row, case),
            _ => tries::meeting(&mut stage, client, run, row, case),
        };
        println!("{:>4} s  {client} {}: {held:?}", began.elapsed().as_secs(), row.name());
        seen.push((row.name().into(), client.into(), held));
    }
    seen
}

/// The rows that this client can be made to meet; all of them for nobody.
fn cases(client: &str) -> impl Iterator<Item = (&'static Row, &'static Case)> {
    let picked = std::env::var("WEIR_TESTS_ROWS").ok();
    page::rows().filter_map(move |row| {
        let is_picked = picked.as_ref().is_none_or(|names| names.split(',').any(|name| name == row.name()));
        match &row.met {
            Met::By(case) if is_picked && case.cannot.iter().all(|(name, _)| *name != client) => Some((row, case)),
            _ => None,
        }
    })
}

/// A client that may leave no offsets reads from where it says, and is not to be found at the brokers afterwards.
fn reads_and_leaves_nothing(kafka: &Kafka, client: &str, run: &Path) -> Result<(), String> {
    let stage = Stage::open(kafka, false);
    let name = format!("{client}-offsets-deny");
    let reader = PrincipalSpec::new(&name, &[TOPIC]).within("offsets: deny");
    stage.follow(&stage::catalogue().principal(reader));
    // A library may be slow; what is kept at the brokers is looked at once.
    let mut did = is_denied_and_reads(&stage, &name, run);
    for _ in 0..2 {
        if did.is_err() {
            did = is_denied_and_reads(&stage, &name, run);
        }
    }
    did?;
    let own = format!("weir.{name}.");
    wait::try_until(Duration::from_secs(60), || {
        let left: Vec<_> = kafka.groups().into_iter().filter(|group| group.id.starts_with(&own)).collect();
        left.is_empty().then_some(()).ok_or_else(|| format!("the brokers have {left:?}"))
    })?;
    let kept = kafka.committed(&format!("{own}mine"));
    kept.is_empty().then_some(()).ok_or_else(|| format!("the brokers keep {kept:?}"))
}

/// A commit of its is refused, and it reads from where it says without an error.
fn is_denied_and_reads(stage: &Stage, name: &str, run: &Path) -> Result<(), String> {
    let identity = Pki::shared().client(name);
    let started = |step: &str| {
        let path = |path: &Path| path.display().to_string();
        let environment = [
            ("BOOTSTRAP", stage.weir.bootstrap()),
            ("CA", path(&identity.ca)),
            ("CERT", path(&identity.certificate)),
            ("KEY", path(&identity.key)),
            ("STEP", step.into()),
            ("TOPIC", TOPIC.into()),
            ("GROUP", "mine".into()),
        ];
        Program::start(run, &environment, paths::run_dir("refusals").join(format!("{name}-{step}.log")))
    };
    let long_ago = Instant::now();
    let says = |program: &Program, wanted: fn(&Said) -> bool| {
        wait::try_until(Duration::from_secs(60), || match program.said_since(long_ago).iter().any(wanted) {
            true => Ok(()),
            false => Err(format!("it says {:?}; {}", program.said_since(long_ago), program.log().display())),
        })
    };
    let mut commits = started("commit");
    says(&commits, |said| matches!(said, Said::Error(_, _, Some(30))))?;
    commits.stop(Duration::from_secs(20))?;
    let mut reads = started("assign");
    says(&reads, |said| *said == Said::Ok)?;
    if reads.said_since(long_ago).iter().any(|said| *said != Said::Ok) {
        return Err(format!("it is told errors: {:?}", reads.said_since(long_ago)));
    }
    reads.stop(Duration::from_secs(20))
}

/// The clients that can run here, and why the others cannot.
fn set_up() -> (Vec<(&'static str, PathBuf)>, Vec<String>) {
    let picked = std::env::var("WEIR_TESTS_CLIENTS").ok();
    let is_picked = |name: &str| picked.as_ref().is_none_or(|names| names.split(',').any(|one| one == name));
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    for (client, _) in CLIENTS.iter().filter(|(client, _)| is_picked(client)) {
        match clients::ready(client) {
            Ok(run) => ready.push((*client, run)),
            Err(reason) => missing.push(reason),
        }
    }
    (ready, missing)
}
