//! A small client and the broker's end of its connection, in one thread that looks at either and never sleeps: to wake
//! another core's sleeper is work that would be counted as the proxy's, and more than all that is compared here.

use std::io;
use std::thread;
use std::time::Duration;

use crate::broker::{CannedBroker, Connection};
use crate::canned::Answers;
use crate::failure::{Context, Failure};
use crate::small::{Client, Job};

/// Both ends of one way through a proxy, or of one without.
pub struct Pair {
    /// Who asks; it has a fetch session.
    pub client: Client,
    /// Who answers.
    pub broker: Connection,
}

impl Pair {
    /// Connects a client and has it begin a session, whose answers are compared with what the broker has.
    pub fn open(job: &Job, broker: &CannedBroker, answers: &Answers) -> Result<Self, Failure> {
        let next = broker.hand_over_next();
        let mut connection: Option<Connection> = None;
        // The client waits for its first answers, so that the broker must be somebody else for as long.
        let client = thread::scope(|scope| -> io::Result<Client> {
            let client = scope.spawn(|| -> io::Result<Client> {
                let mut client = Client::connect(job)?;
                client.begin_session(job, answers)?;
                Ok(client)
            });
            while !client.is_finished() {
                match &mut connection {
                    Some(connection) => drop(connection.serve_what_came()?),
                    None => connection = next.try_recv().ok(),
                }
                thread::sleep(Duration::from_micros(100));
            }
            client.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
        });
        let broker = connection.ok_or_else(|| Failure::new("nobody dialled the broker"))?;
        Ok(Self { client: client.context("a client cannot connect")?, broker })
    }
}
