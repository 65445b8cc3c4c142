//! One client connection and its one broker connection, as one future on one worker.
//!
//! `advance` does all that can be done without waiting; `wait` waits for whatever can make more possible, and no longer
//! than the nearest deadline. The broker is read only while nothing waits to be sent to the client.
//! Must never: wait without a deadline, give the broker anything but a `Cleared`, or let one client hold up another.

mod answer;
mod broker;
mod client;
mod deadlines;
mod dues;
mod follow;
pub(crate) mod open;
mod report;
#[cfg(test)]
mod tests;
mod wait;

use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tokio::time::Sleep;
use weir_kafka::advertise::Target;
use weir_kafka::cluster::ClusterView;
use weir_kafka::session::{Head, Session, Turn};
use weir_policy::{Account, Principal};

use crate::audit::Visit;
use crate::close_reason::CloseReason;
use crate::link::Link;
use crate::listen::{ConnectionPermit, PrincipalPlace};
use crate::listener::ListenerState;
use crate::live::Generation;
use crate::observe::Tally;
use crate::snapshot::Snapshot;
use crate::tls::Peer;
use crate::upstream::{self, Opened};
use crate::worker::{Stopping, Waking, Worker};

use broker::{Broker, DialWait, ViewWait};
use client::Client;
use deadlines::Deadlines;
use dues::Dues;
use report::Held;

/// How much one turn may move before the worker's other connections have theirs.
const STEPS_PER_TURN: usize = 8;

/// What a connection takes up, among those of its principal and of the process.
pub(crate) struct Places {
    pub principal: PrincipalPlace,
    #[expect(dead_code, reason = "held to be given back when it is dropped")]
    pub process: ConnectionPermit,
}

/// What a connection is judged by: it follows what is in force.
pub(crate) struct Own {
    pub generation: Arc<Generation>,
    pub snapshot: Arc<Snapshot>,
    pub listener: Arc<ListenerState>,
    pub peer: Peer,
    pub account: Arc<Account>,
    /// Where the client is.
    pub address: IpAddr,
    pub visit: Visit,
}

/// A client connection whose principal is known.
pub(crate) struct Connection {
    worker: Rc<Worker>,
    /// What it has looked at last of what is in force.
    generation: Arc<Generation>,
    snapshot: Arc<Snapshot>,
    listener: Arc<ListenerState>,
    principal: Arc<Principal>,
    address: IpAddr,
    /// Given back at the end.
    places: Places,
    target: Target,
    /// Has the connection woken when the process stops or something else is in force, from its first wait on.
    waking: Option<Waking>,
    /// What it knows of the process stopping.
    stopping: Stopping,
    /// When it is to end for that.
    ends_at: Option<Instant>,
    /// That instant has come.
    is_ending: bool,
    client: Client,
    broker: Broker,
    session: Session,
    dues: Dues,
    visit: Visit,
    tally: Tally,
    held: Held,
    /// A request was taken in the last turn.
    is_judging: bool,
    /// The view that the head of the queue waited for.
    awaited_view: Option<Arc<ClusterView>>,
    /// The broker that this connection stands for cannot be reached: it ends when what has come is answered.
    is_stranded: bool,
    view_wait: Option<ViewWait>,
    deadlines: Deadlines,
    /// Wakes the connection for the nearest deadline, or earlier: it is only moved when it must ring sooner.
    alarm: Pin<Box<Sleep>>,
}

impl Connection {
    pub(crate) fn new(worker: Rc<Worker>, own: Own, places: Places, target: Target, link: Link) -> Self {
        let Own { generation, snapshot, listener, peer, account, address, visit } = own;
        let session = Session::new(peer.principal.name.clone(), &listener.session_limits);
        let now = Instant::now();
        let valid_for = peer.expires.duration_since(SystemTime::now()).unwrap_or_default();
        let tally = worker.generation().accounts.seen.connect(&peer, &account);
        let deadlines = Deadlines::new(now, now.checked_add(valid_for));
        // The first wait moves it where something is due sooner.
        let alarm = now.checked_add(snapshot.config.limits.first_frame).unwrap_or(now);
        Self {
            worker,
            generation,
            snapshot,
            listener,
            principal: peer.principal,
            address,
            places,
            target,
            waking: None,
            stopping: Stopping::No,
            ends_at: None,
            is_ending: false,
            client: Client::new(link),
            broker: Broker::None,
            session,
            dues: Dues::new(account, now),
            visit,
            tally,
            held: Held::default(),
            is_judging: false,
            awaited_view: None,
            is_stranded: false,
            view_wait: None,
            deadlines,
            alarm: Box::pin(tokio::time::sleep_until(alarm.into())),
        }
    }

    pub(crate) fn principal_name(&self) -> String {
        self.principal.name.clone()
    }

    /// Serves the client until the connection ends, and says why it did.
    pub(crate) async fn serve(mut self) -> CloseReason {
        let reason = self.run().await;
        self.visit.ends(reason);
        self.client.link.close();
        reason
    }

    async fn run(&mut self) -> CloseReason {
        loop {
            match self.advance() {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => {
                    if let Err(reason) = self.wait().await {
                        return reason;
                    }
                }
                Err(reason) => return reason,
            }
        }
    }

    /// Does what can be done now; true where more could be done at once.
    fn advance(&mut self) -> Result<bool, CloseReason> {
        if !self.worker.is_in_force(&self.generation) {
            self.follow(Instant::now())?;
        }
        let mut answering_since = None;
        for _ in 0..STEPS_PER_TURN {
            let now = Instant::now();
            self.answered_since(answering_since, now);
            self.judged(now);
            self.look_at_stop(now);
            self.dues.look(now);
            self.broker.look(now);
            self.flush(now)?;
            self.broker.flush()?;
            let answered = self.answer(now)?;
            answering_since = answered.then_some(now);
            let took = self.take_request(now)?;
            if self.dues.are_due() {
                self.settle(now);
            }
            if self.is_drained() {
                return Err(CloseReason::Drain);
            }
            if !answered && !took {
                if let Some(reason) = self.is_over() {
                    return Err(reason);
                }
                if self.client.has_more {
                    break;
                }
                // No deadline passes before the alarm rings.
                if self.alarm.is_elapsed() {
                    self.deadlines.check(now, &self.snapshot.config.limits, &self.client, &self.session)?;
                }
                return Ok(false);
            }
        }
        // A client that never lets Weir come to rest has its deadlines all the same: its certificate ends, too.
        let now = Instant::now();
        self.answered_since(answering_since, now);
        let limits = &self.snapshot.config.limits;
        self.deadlines.check(now, limits, &self.client, &self.session)?;
        Ok(true)
    }

    /// Takes note that the process stops, and whether this connection's own end has come. Who has a successor to go to
    /// goes at an instant of its own, so that not all of them come to it at once.
    fn look_at_stop(&mut self, now: Instant) {
        let stopping = self.worker.stopping();
        if stopping != self.stopping {
            self.stopping = stopping;
            self.ends_at = match stopping {
                Stopping::No => None,
                Stopping::Spread { by } => Some(upstream::random_instant(now, by)),
                Stopping::Now => Some(now),
            };
        }
        self.is_ending = self.ends_at.is_some_and(|end| now >= end);
    }

    /// Whether this connection is to end for the process stopping, and this client has its answers, but for those that
    /// may be long in coming.
    fn is_drained(&self) -> bool {
        if !self.is_ending {
            return false;
        }
        let waits_for_long = match self.session.head() {
            Head::Idle => true,
            Head::Local { .. } => false,
            Head::Broker { parked, .. } => parked && !self.session.is_amid_answer(),
        };
        waits_for_long && !self.client.link.has_pending()
    }

    /// Whether another request may be taken now: none at the end, or while the principal pays for those before.
    fn has_room(&self) -> bool {
        let limits = &self.snapshot.config.limits;
        let takes_some = !self.is_ending && !self.dues.are_muted();
        takes_some && self.session.in_flight() < limits.in_flight && self.broker.takes_requests(&self.session)
    }

    /// Why the connection is over, where the client has every answer and there will be no more.
    fn is_over(&self) -> Option<CloseReason> {
        let has_every_answer = self.session.head() == Head::Idle && !self.client.link.has_pending();
        match (self.client.at_end, self.is_stranded) {
            (true, _) if has_every_answer => Some(CloseReason::ClientEof),
            (_, true) if has_every_answer && self.client.quiet => Some(CloseReason::UpstreamUnreachable),
            _ => None,
        }
    }

    /// Takes the next request, where there is room for one; false where there is none.
    fn take_request(&mut self, now: Instant) -> Result<bool, CloseReason> {
        if !self.has_room() {
            // What Weir does not read is not late.
            self.client.drained = false;
            self.client.has_more = false;
            return Ok(false);
        }
        let limits = &self.listener.frame_limits;
        let next = |scratch: &mut [u8]| self.client.next_frame(limits, scratch, now, &mut self.deadlines);
        let Some(frame) = self.worker.with_scratch(next)? else { return Ok(false) };
        self.take_frame(&frame, now)?;
        Ok(true)
    }

    fn take_frame(&mut self, frame: &Bytes, now: Instant) -> Result<(), CloseReason> {
        let view = self.listener.upstream.borrow_view();
        let connected = matches!(self.broker, Broker::Open(_));
        let whose = self.dues.whose(&self.principal, now);
        let env = self.listener.env(&self.snapshot, whose, view.as_deref(), connected, now);
        let turn = self.session.take_request(frame, &env).map_err(CloseReason::from)?;
        drop(view);
        self.taken();
        self.dues.request_taken(now);
        if let Some(pause) = self.session.take_pause() {
            self.dues.pause(pause, now);
        }
        if self.session.take_charged() {
            self.settle(now);
        }
        match turn {
            Turn::Local => {}
            // What came before the client could know has the same answer; nothing is dialled again for it.
            Turn::Forward(_) if self.is_stranded => self.session.broker_unreachable().map_err(CloseReason::from)?,
            Turn::Forward(cleared) => {
                self.broker.send(cleared, &self.listener.upstream, self.target, &self.principal)?;
            }
        }
        Ok(())
    }

    /// The dial ended.
    fn dialled(&mut self, wait: DialWait, opened: Option<Opened>) -> Result<(), CloseReason> {
        match opened {
            Some(opened) => self.broker = Broker::open(opened, wait.cleared),
            None => {
                self.broker = Broker::None;
                self.session.broker_unreachable().map_err(CloseReason::from)?;
                // A client goes to another broker only when this one refuses it, as one that is down does.
                self.is_stranded = matches!(self.target, Target::Broker(_));
            }
        }
        Ok(())
    }

    /// The broker was shown anew who Weir is. Where it did not take that, the connection is of no use: neither side of it
    /// is dialled again.
    fn renewed(&mut self, wait: DialWait, opened: Option<Opened>) -> Result<(), CloseReason> {
        self.broker = Broker::open(opened.ok_or(CloseReason::UpstreamLogin)?, wait.cleared);
        Ok(())
    }
}
