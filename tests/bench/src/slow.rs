//! Clients that ask for 50 MiB and read slowly, but never so slowly that they may be taken for gone.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::canned::Size;
use crate::failure::{Context, Failure};
use crate::small::{Client, Job};

/// What each reads in a second, in bytes: Weir closes under 1 KiB.
const RATE: usize = 4 * 1024;
/// Parts of a second, in each of which some of the readers have their turn.
const PARTS: usize = 20;
/// The receive buffer, in bytes: with more, the kernel would be the reader for the time of a figure.
const RECEIVE_BUFFER: usize = 16 * 1024;

/// Readers that are connected.
pub struct SlowReaders {
    readers: Vec<Reader>,
    buffer: Vec<u8>,
    part: usize,
}

struct Reader {
    client: Client,
    /// Bytes that it read.
    read: u64,
}

impl SlowReaders {
    /// Connects them, and has each ask.
    pub fn open(job: &Job, readers: usize) -> Result<Self, Failure> {
        let failed = "the slow readers cannot connect";
        let job = Job { size: Size::Huge, receive_buffer: Some(RECEIVE_BUFFER), ..job.clone() };
        let open = |_| -> io::Result<Reader> {
            let mut client = Client::connect(&job)?;
            client.ask_first(&job)?;
            Ok(Reader { client, read: 0 })
        };
        let readers = (0..readers).map(open).collect::<Result<_, _>>().context(failed)?;
        Ok(Self { readers, buffer: vec![0; RATE], part: 0 })
    }

    /// Reads for a while, each at its rate: how many bytes. After each part of a second, something else may be done.
    pub fn read_for(
        &mut self,
        time: Duration,
        mut meanwhile: impl FnMut() -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut all = 0;
        let part = Duration::from_secs(1) / u32::try_from(PARTS).unwrap_or(1);
        let until = Instant::now() + time;
        while Instant::now() < until {
            let next = Instant::now() + part;
            for reader in self.readers.iter_mut().skip(self.part).step_by(PARTS) {
                let read = reader.client.drop_some(&mut self.buffer).context("a slow reader was cut off")?;
                reader.read += read;
                all += read;
            }
            self.part = (self.part + 1) % PARTS;
            meanwhile()?;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(all)
    }

    /// How many bytes have come for each, read or not.
    pub fn arrived(&self) -> Result<Vec<u64>, Failure> {
        let arrived = |reader: &Reader| Ok(reader.read + rustix::io::ioctl_fionread(&reader.client)?);
        self.readers.iter().map(arrived).collect::<io::Result<_>>().context("a slow reader was cut off")
    }
}
