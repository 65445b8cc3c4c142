//! One running step of a client program of `tests/clients/`, and what it said until now.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_testkit::wait;

/// What the program was told, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The call did what it is for.
    Ok,
    /// The call, the error's class and Kafka's code.
    Error(String, String, Option<i64>),
    /// The library will not go on by itself.
    Stopped,
}

/// A running step. It ends when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    said: Arc<Mutex<Vec<(Instant, Said)>>>,
    log: PathBuf,
}

impl Program {
    /// Starts the step.
    pub fn start(run: &Path, environment: &[(&str, String)], log: PathBuf) -> Self {
        let errors = File::create(&log).expect("a log can be written");
        let mut command = Command::new(run);
        command.arg("steps").envs(environment.iter().map(|(key, value)| (key, value)));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{}: {error}", run.display()));
        let stdout = child.stdout.take().expect("its output is a pipe");
        let said: Arc<Mutex<Vec<(Instant, Said)>>> = Arc::default();
        let sink = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(one) = parse(&line) {
                    sink.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), one));
                }
            }
        });
        Self { child, said, log }
    }

    /// What was said after this moment.
    pub fn said_since(&self, moment: Instant) -> Vec<Said> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().filter(|(at, _)| *at > moment).map(|(_, one)| one.clone()).collect()
    }

    /// Whether the library has said that it will not go on by itself.
    pub fn has_stopped(&self) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().any(|(_, one)| *one == Said::Stopped)
    }

    /// For messages.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self, limit: Duration) -> Result<(), String> {
        drop(self.child.stdin.take());
        wait::try_until(limit, || match self.child.try_wait().map_err(|error| error.to_string())? {
            Some(_) => Ok(()),
            None => Err(format!("it still runs after {} s; {}", limit.as_secs(), self.log.display())),
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(line: &str) -> Option<Said> {
    let event: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| event[key].as_str().unwrap_or("?").to_string();
    match event["event"].as_str()? {
        "ok" => Some(Said::Ok),
        "error" => Some(Said::Error(text("call"), text("class"), event["code"].as_i64())),
        "stopped" => Some(Said::Stopped),
        _ => None,
    }
}
