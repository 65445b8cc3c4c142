//! A consumer that reads one topic to its end, again and again, and is held to what was written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use weir_testkit::kafka::{Chain, Record};
use weir_testkit::{Identity, clients, paths, wait};

use crate::program::{Event, Program};

const STOP: Duration = Duration::from_secs(30);

/// A running consumer. It commits after every batch.
pub struct Reader {
    program: Program,
    seen: Arc<Mutex<Seen>>,
}

/// What it printed.
#[derive(Default)]
struct Seen {
    records: Vec<Record>,
    errors: Vec<String>,
}

impl Reader {
    /// Starts one in Java. `settings` are those of `tests/clients/README.md`.
    pub fn start(bootstrap: &str, identity: &Identity, topic: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_client("java", bootstrap, identity, topic, settings)
    }

    /// The same with another library, by its directory there.
    pub fn start_client(
        client: &str,
        bootstrap: &str,
        identity: &Identity,
        topic: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let run = clients::ready(client).expect("it was asked for before");
        let path = |path: &PathBuf| path.to_str().expect("the path is text").to_owned();
        let mut environment = vec![
            ("BOOTSTRAP", bootstrap.to_owned()),
            ("CA", path(&identity.ca)),
            ("CERT", path(&identity.certificate)),
            ("KEY", path(&identity.key)),
            ("TOPICS", topic.to_owned()),
        ];
        environment.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let sink = Arc::clone(&seen);
        let program = Program::start(&run, &environment, paths::run_dir("reader").join("log"), move |event| {
            let mut seen = sink.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Record(_, _, record) => seen.records.push(record),
                Event::Error(_, line) => seen.errors.push(line),
                _ => {}
            }
        });
        Self { program, seen }
    }

    /// Waits until all that was written has come.
    pub fn catches_up(&self, chain: &Chain, limit: Duration) {
        wait::until(&format!("all records ({})", self.program.log().display()), limit, || {
            let seen = self.lock().records.len();
            if seen >= chain.len() { Ok(()) } else { Err(format!("{seen} of {} records", chain.len())) }
        });
    }

    /// Stops it, and holds that each record came, in order and as it was written, whatever it was told on the way and
    /// whatever it had to begin again.
    pub fn has_read_all(mut self, chain: &Chain) {
        assert_eq!(self.program.stop(STOP), Ok(0), "see {}", self.program.log().display());
        let mut came: Vec<_> = self.lock().records.clone();
        came.sort_by_key(Record::sequence);
        came.dedup_by_key(|record| record.sequence());
        chain.check_run(0, 0, &came).unwrap_or_else(|why| panic!("{}: {why}", self.program.log().display()));
        assert_eq!(came.len(), chain.len());
    }

    /// Stops it, and holds that each record came once, in order and as it was written, and that nothing was an error.
    pub fn has_read(mut self, chain: &Chain, partitions: usize) {
        assert_eq!(self.program.stop(STOP), Ok(0), "see {}", self.program.log().display());
        let seen = self.lock();
        assert_eq!(seen.errors, [] as [String; 0]);
        for partition in 0..partitions {
            let own = seen.records.iter().filter(|record| usize::try_from(record.partition) == Ok(partition));
            let came: Vec<_> = own.cloned().collect();
            chain.check_run(partition, 0, &came).unwrap_or_else(|why| panic!("partition {partition}: {why}"));
            assert_eq!(came.len(), chain.partition(partition).len(), "partition {partition}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
