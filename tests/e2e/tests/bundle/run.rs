//! One run of a reader: its output in, its end, and no stack trace.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use weir_testkit::process::Leashed;
use weir_testkit::wait;

use super::history::Seen;
use super::readers::{Call, Reader, Shows};
use super::stage::Stage;

/// How long a reader may take to show what is there: six start at once on two cores.
const SEES: Duration = Duration::from_secs(60);
/// How long a reader may take to end by itself, with what its library tries before it gives up.
const ENDS: Duration = Duration::from_secs(40);
/// How long on a signal: it commits and leaves its group, no more.
const STOPS: Duration = Duration::from_secs(15);
/// What a program that fell prints, and one that explains does not.
const TRACES: [&str; 6] = ["Traceback", "\tat ", "\n    at ", "goroutine ", "panicked at", "Unhandled"];

/// A reader that runs.
pub struct Run<'a> {
    reader: &'a Reader,
    process: Leashed,
    output: PathBuf,
    /// What was in the output before.
    skipped: usize,
    errors: PathBuf,
}

impl<'a> Run<'a> {
    /// Starts it in its bundle's directory.
    pub fn start(stage: &Stage, reader: &'a Reader, label: &str, wanted: &Seen) -> Self {
        let count = wanted.values().map(Vec::len).sum();
        let command = (reader.command)(&Call { stage, reader, first: label == "first", count });
        Self::of(stage, reader, label, &command, &[])
    }

    /// Starts another command in its place, with variables.
    pub fn of(stage: &Stage, reader: &'a Reader, label: &str, command: &Command, set: &[(&str, &str)]) -> Self {
        let bundle = stage.bundle(reader.name);
        let file = |end: &str| stage.logs.join(format!("{}-{label}.{end}", reader.name));
        let (output, errors) = (file("out"), file("err"));
        let to = |path: &PathBuf| Stdio::from(File::create(path).expect("a file can be made"));
        // A shell starts what runs beside it with SIGINT ignored, and Java leaves it so.
        let mut line = Command::new("env");
        line.arg("--default-signal=INT").arg(command.get_program()).args(command.get_args());
        line.current_dir(&bundle).envs(set.iter().copied());
        let (out, err) = (to(&output), to(&errors));
        let output = if reader.shows == Shows::File { bundle.join("records.txt") } else { output };
        let skipped = fs::read(&output).unwrap_or_default().len();
        let process = Leashed::start_to(reader.name, &line, &errors, out, err);
        Self { reader, process, output, skipped, errors }
    }

    /// Waits until it has printed as much as this, and compares.
    pub fn shows(&mut self, wanted: &Seen) -> Result<(), String> {
        let count: usize = wanted.values().map(Vec::len).sum();
        let came = wait::try_until(SEES, || {
            let seen: usize = self.seen()?.values().map(Vec::len).sum();
            if seen >= count || self.process.ended().is_some() {
                Ok(())
            } else {
                Err(format!("{seen} of {count} records"))
            }
        });
        came.map_err(|last| self.failed(&format!("waited {} s and saw {last}", SEES.as_secs())))?;
        let seen = self.seen().map_err(|error| self.failed(&error))?;
        if seen != *wanted {
            return Err(self.failed(&format!("it showed\n{seen:#?}\nand not\n{wanted:#?}")));
        }
        Ok(())
    }

    /// Sends a signal, or waits where it ends by itself: it must end, soon and cleanly.
    pub fn ends_on(&mut self, signal: &str) -> Result<(), String> {
        let status = if self.reader.commits {
            self.process.signal(signal);
            self.end(STOPS)?
        } else {
            self.end(ENDS)?
        };
        // Java ends with the signal's number, whatever it did before.
        let by_signal = self.reader.jvm && status == if signal == "INT" { 130 } else { 143 };
        if status != 0 && !by_signal {
            return Err(self.failed(&format!("it ended with status {status} on {signal}")));
        }
        Ok(())
    }

    /// It must end by itself, with this sentence and nothing that only a programmer reads.
    pub fn explains(&mut self, sentence: &str) -> Result<(), String> {
        let status = self.end(ENDS)?;
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        if status != 1 || !said.contains(sentence) {
            return Err(self.failed(&format!("it ended with status {status} and did not say `{sentence}`")));
        }
        Ok(())
    }

    fn end(&mut self, limit: Duration) -> Result<i32, String> {
        let ended = wait::try_until(limit, || self.process.ended().ok_or_else(String::new));
        let status = ended.map_err(|_| self.failed(&format!("it still runs after {} s", limit.as_secs())))?;
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        match TRACES.iter().find(|trace| said.contains(*trace)) {
            Some(trace) if self.reader.explains => Err(self.failed(&format!("a stack trace: {trace:?}"))),
            _ => Ok(status),
        }
    }

    /// Whole lines only: the last one may still grow.
    fn seen(&self) -> Result<Seen, String> {
        let bytes = fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes.get(self.skipped..).unwrap_or_default()).into_owned();
        let mut seen = Seen::new();
        let mut last = std::collections::BTreeMap::new();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            // Kafka 4.2 and later say so of an option that older ones need.
            if line.starts_with("Option --consumer.config is deprecated") {
                continue;
            }
            if matches!(self.reader.shows, Shows::File | Shows::OneTopic) {
                seen.entry((String::new(), 0)).or_default().push(line.to_owned());
                continue;
            }
            let mut parts = line.splitn(4, ' ');
            let place = parts.next().and_then(|topic| Some((topic.to_owned(), parts.next()?.parse().ok()?)));
            let offset: Option<i64> = parts.next().and_then(|offset| offset.parse().ok());
            let (Some(place), Some(offset)) = (place, offset) else {
                return Err(format!("a line of another form: {line}"));
            };
            if last.insert(place.clone(), offset).is_some_and(|before| before >= offset) {
                return Err(format!("offsets go back: {line}"));
            }
            // kcat prints nothing for a record without a value.
            let value = parts.next().filter(|value| !value.is_empty()).unwrap_or("null");
            seen.entry(place).or_default().push(value.to_owned());
        }
        Ok(self.reader.shows.in_order(seen))
    }

    fn failed(&self, why: &str) -> String {
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(12)..].join("\n    ");
        format!("{why}\n  {} ends with\n    {tail}", self.errors.display())
    }
}
