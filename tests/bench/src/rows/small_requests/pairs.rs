//! Clients and the broker's ends of their connections, in one thread that looks at each in turn and never sleeps.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use crate::broker::CannedBroker;
use crate::canned::Answers;
use crate::failure::{Context, Failure};
use crate::fetch::PATIENCE;
use crate::pair::Pair;
use crate::small::Job;

/// More than an answer with all that TLS adds.
const READ: usize = 4096;

/// Clients that are connected and have a fetch session.
pub struct Pairs(Vec<Pair>);

impl Pairs {
    /// Connects all clients and has each read two whole answers, which are compared with what the broker sent.
    pub fn open(job: &Job, connections: u32, broker: &CannedBroker, answers: &Answers) -> Result<Self, Failure> {
        let pairs = (0..connections).map(|_| Pair::open(job, broker, answers));
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }

    /// Each client sends its next requests, one at a time; how long that took.
    pub fn run(&mut self, requests_each: u32) -> Result<Duration, Failure> {
        let began = Instant::now();
        self.run_all(requests_each).context("the small requests stopped")?;
        Ok(began.elapsed())
    }

    fn run_all(&mut self, requests_each: u32) -> io::Result<()> {
        let mut wanted = vec![requests_each; self.0.len()];
        for pair in &mut self.0 {
            pair.client.ask(1)?;
        }
        let mut buffer = [0; READ];
        let mut progress = Instant::now();
        while wanted.iter().any(|wanted| *wanted > 0) {
            let mut moved = false;
            for (pair, wanted) in self.0.iter_mut().zip(&mut wanted) {
                moved |= pair.broker.serve_what_came()?;
                if *wanted > 0 && pair.client.receive(&mut buffer)? > 0 {
                    moved = true;
                    *wanted -= 1;
                    pair.client.ask(u64::from(*wanted > 0))?;
                }
            }
            if moved {
                progress = Instant::now();
            } else if progress.elapsed() > PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}
