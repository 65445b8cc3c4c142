//! Many small clients on one thread, which sleeps until something comes for one of them.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::canned::Answers;
use crate::failure::{Context, Failure};
use crate::fetch::PATIENCE;
use crate::quantiles::Quantiles;
use crate::small::{Client, Job, RECEIVED};

/// Clients that are connected.
pub struct Crowd {
    clients: Vec<Client>,
    epoll: OwnedFd,
    events: Vec<Event>,
    buffer: Vec<u8>,
    /// Whose turn it is.
    turn: usize,
}

impl Crowd {
    /// Nobody yet.
    pub fn new() -> Result<Self, Failure> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("no epoll")?;
        Ok(Self { clients: Vec::new(), epoll, events: Vec::with_capacity(256), buffer: vec![0; RECEIVED], turn: 0 })
    }

    /// Clients that all have a fetch session.
    pub fn open(job: &Job, clients: usize, answers: &Answers) -> Result<Self, Failure> {
        let mut crowd = Self::new()?;
        crowd.grow(job, clients, answers)?;
        Ok(crowd)
    }

    /// Connects more, up to so many, and has each begin a fetch session.
    pub fn grow(&mut self, job: &Job, clients: usize, answers: &Answers) -> Result<(), Failure> {
        self.try_grow(job, clients, answers).context("the clients cannot connect")
    }

    /// Has every further request wait at the broker for so long while there are fewer bytes.
    pub fn wait_for(&mut self, min_bytes: i32, max_wait: Duration) {
        self.clients.iter_mut().for_each(|client| client.wait_for(min_bytes, max_wait));
    }

    /// Has `window` requests under way, and never two of one client, until so many are answered. Clients take turns, so
    /// that each connection has been idle for as long as there are others.
    pub fn ask_in_turn(&mut self, window: usize, requests: u64) -> Result<(), Failure> {
        self.try_ask_in_turn(window, requests).context("the clients stopped")
    }

    /// Has each client ask `depth` times, spread over a time.
    pub fn start_asking(&mut self, depth: u64, spread: Duration) -> Result<(), Failure> {
        self.try_start_asking(depth, spread).context("the clients stopped")
    }

    /// Has each client ask again for each answer, up to an instant: how many answers came.
    pub fn keep_asking(&mut self, until: Instant) -> Result<u64, Failure> {
        let mut answers = 0;
        let again = |client: &mut Client, _, ended| {
            answers += ended;
            client.ask(ended)
        };
        self.serve(until, again).context("the clients stopped")?;
        Ok(answers)
    }

    /// Waits for the answers that are under way.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while self.clients.iter().any(|client| client.waiting > 0) {
            if Instant::now() > deadline {
                return Err(Failure::new("the clients wait in vain"));
            }
            let soon = Instant::now() + Duration::from_millis(10);
            self.serve(soon, |_, _, _| Ok(())).context("the clients stopped")?;
        }
        Ok(())
    }

    /// Each client asks once in each `period`, for a time: how long the answers took. A request counts from when it was
    /// due, so that one that waits for the answer before it is not forgotten.
    pub fn ask_regularly(&mut self, period: Duration, time: Duration) -> Result<Quantiles, Failure> {
        self.try_ask_regularly(period, time).context("the clients stopped")
    }

    fn try_grow(&mut self, job: &Job, clients: usize, answers: &Answers) -> io::Result<()> {
        for index in self.clients.len()..clients {
            let mut client = Client::connect(job)?;
            client.begin_session(job, answers)?;
            epoll::add(&self.epoll, &client, EventData::new_u64(index as u64), EventFlags::IN)?;
            self.clients.push(client);
        }
        Ok(())
    }

    fn try_ask_in_turn(&mut self, window: usize, requests: u64) -> io::Result<()> {
        let mut left = requests;
        let mut under_way = 0;
        while left > 0 || under_way > 0 {
            while left > 0 && under_way < window {
                self.next_idle().ask(1)?;
                left -= 1;
                under_way += 1;
            }
            let mut ended = 0;
            if !self.wait(PATIENCE, |_, _, answers| {
                ended += usize::try_from(answers).unwrap_or(0);
                Ok(())
            })? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            under_way -= ended;
        }
        Ok(())
    }

    fn next_idle(&mut self) -> &mut Client {
        loop {
            self.turn = (self.turn + 1) % self.clients.len();
            if self.clients[self.turn].waiting == 0 {
                return &mut self.clients[self.turn];
            }
        }
    }

    fn try_start_asking(&mut self, depth: u64, spread: Duration) -> io::Result<()> {
        let began = Instant::now();
        let clients = u32::try_from(self.clients.len()).map_err(io::Error::other)?;
        for index in 0..self.clients.len() {
            let due = began + spread * u32::try_from(index).unwrap_or(0) / clients;
            self.serve(due, |client, _, ended| client.ask(ended))?;
            self.clients[index].ask(depth)?;
        }
        Ok(())
    }

    fn try_ask_regularly(&mut self, period: Duration, time: Duration) -> io::Result<Quantiles> {
        // What is due is asked when it is due.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
        let began = Instant::now();
        let clients = self.clients.len();
        let interval = period / u32::try_from(clients).map_err(io::Error::other)?;
        let mut owed: Vec<VecDeque<Instant>> = vec![VecDeque::new(); clients];
        let mut took = Quantiles::default();
        let mut due = began;
        let mut index = 0;
        while due < began + time || self.clients.iter().any(|client| client.waiting > 0) {
            if due >= began + time && due.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let until = if due < began + time { due } else { Instant::now() + Duration::from_millis(10) };
            self.serve(until, |client, index, _| {
                let answered = Instant::now();
                if let Some(due) = owed[index].pop_front() {
                    took.push(answered - due);
                }
                client.ask(u64::from(!owed[index].is_empty()))
            })?;
            if due < began + time {
                owed[index].push_back(due);
                if self.clients[index].waiting == 0 {
                    self.clients[index].ask(1)?;
                }
                index = (index + 1) % clients;
                due += interval;
            }
        }
        Ok(took)
    }

    /// Serves what comes up to an instant, and once at least.
    fn serve(
        &mut self,
        until: Instant,
        mut each: impl FnMut(&mut Client, usize, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        while self.wait(until.saturating_duration_since(Instant::now()), &mut each)? || Instant::now() < until {}
        Ok(())
    }

    /// Waits until something comes: false where nothing did. Whose answers ended is told.
    fn wait(
        &mut self,
        longest: Duration,
        mut each: impl FnMut(&mut Client, usize, u64) -> io::Result<()>,
    ) -> io::Result<bool> {
        // Epoll counts in milliseconds, poll does not.
        let timeout = Timespec::try_from(longest).map_err(io::Error::other)?;
        rustix::event::poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], Some(&timeout))?;
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&Timespec::default()))?;
        let came = !self.events.is_empty();
        for event in self.events.drain(..) {
            let data = event.data;
            let index = usize::try_from(data.u64()).map_err(io::Error::other)?;
            let Some(client) = self.clients.get_mut(index) else { continue };
            let ended = client.receive(&mut self.buffer)?;
            if ended > 0 {
                each(client, index, ended)?;
            }
        }
        Ok(came)
    }
}
