//! One running client program of `tests/clients/`: its environment in, its lines of JSON out.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use weir_testkit::kafka::Record;
use weir_testkit::wait;

/// A topic's name and a partition.
pub type Place = (String, i32);

/// A line that a program printed.
#[derive(Debug, Clone)]
pub enum Event {
    /// It reads these from now on.
    Assigned(Vec<Place>),
    /// It reads these no more.
    Revoked(Vec<Place>),
    /// A record and its offset.
    Record(Place, i64, Record),
    /// Next offsets that the broker has accepted.
    Committed(Vec<(Place, i64)>),
    /// An error, with Kafka's code where the library gives it, and the whole line.
    Error(Option<i64>, String),
    /// The last line: how many records it printed.
    End(usize),
}

/// A running program. Its standard input ends with the test process, and so does it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    reader: Option<JoinHandle<()>>,
    log: PathBuf,
}

impl Program {
    /// Starts it; `sink` is given every event, in order, from a thread of its own.
    pub fn start(
        run: &Path,
        environment: &[(&str, String)],
        log: PathBuf,
        sink: impl FnMut(Event) + Send + 'static,
    ) -> Self {
        let mut file = File::options().create(true).append(true).open(&log).expect("a log can be written");
        let errors = file.try_clone().expect("a log can be written");
        let mut child = Command::new(run)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", run.display()));
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("its output is a pipe"));
        let reader = std::thread::spawn(move || read(stdout, &mut file, sink));
        Self { child, stdin, reader: Some(reader), log }
    }

    /// Asks it to stop by the end of its input; gives its exit status once all it printed has been read.
    pub fn stop(&mut self, limit: Duration) -> Result<i32, String> {
        drop(self.stdin.take());
        self.wait(limit)
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> Result<i32, String> {
        let status = wait::try_until(limit, || {
            let status = self.child.try_wait().map_err(|error| error.to_string())?;
            status.ok_or_else(|| format!("it still runs after {} s", limit.as_secs()))
        })?;
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| "it printed what the contract does not know".to_string())?;
        }
        Ok(status.code().unwrap_or(-1))
    }

    /// Its standard error, and what it printed but records.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stdout: ChildStdout, log: &mut File, mut sink: impl FnMut(Event)) {
    let began = Instant::now();
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { return };
        let event = parse(&line);
        if !matches!(event, Some(Event::Record(..))) {
            let _ = writeln!(log, "{:8.3} s: {line}", began.elapsed().as_secs_f64());
        }
        sink(event.unwrap_or_else(|| panic!("not in the contract of tests/clients/README.md: {line}")));
    }
}

fn parse(line: &str) -> Option<Event> {
    let event: Value = serde_json::from_str(line).ok()?;
    Some(match event["event"].as_str()? {
        "assigned" => Event::Assigned(places(&event["partitions"])?),
        "revoked" => Event::Revoked(places(&event["partitions"])?),
        "record" => {
            Event::Record(place(&event["topic"], &event["partition"])?, event["offset"].as_i64()?, record(&event)?)
        }
        "committed" => Event::Committed(offsets(&event["offsets"])?),
        "error" => Event::Error(event["code"].as_i64(), line.to_string()),
        "end" => Event::End(usize::try_from(event["records"].as_u64()?).ok()?),
        _ => return None,
    })
}

fn record(event: &Value) -> Option<Record> {
    let headers = event["headers"].as_array()?.iter().map(|pair| {
        let name = pair[0].as_str()?.to_string();
        Some((name, bytes(&pair[1])?))
    });
    Some(Record {
        partition: partition(&event["partition"])?,
        key: bytes(&event["key"])??,
        value: bytes(&event["value"])?,
        headers: headers.collect::<Option<_>>()?,
        timestamp_ms: event["timestamp"].as_i64()?,
    })
}

/// Base64 or null; `None` for anything else.
fn bytes(value: &Value) -> Option<Option<Vec<u8>>> {
    if value.is_null() {
        return Some(None);
    }
    STANDARD.decode(value.as_str()?).ok().map(Some)
}

fn places(list: &Value) -> Option<Vec<Place>> {
    list.as_array()?.iter().map(|pair| place(&pair[0], &pair[1])).collect()
}

fn offsets(list: &Value) -> Option<Vec<(Place, i64)>> {
    list.as_array()?.iter().map(|one| Some((place(&one[0], &one[1])?, one[2].as_i64()?))).collect()
}

fn place(topic: &Value, number: &Value) -> Option<Place> {
    Some((topic.as_str()?.to_string(), partition(number)?))
}

fn partition(number: &Value) -> Option<i32> {
    i32::try_from(number.as_i64()?).ok()
}
