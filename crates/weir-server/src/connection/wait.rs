//! Waiting for whatever can make a connection's next step possible, and no longer than the nearest deadline.
//!
//! Must never: wait for something that nothing will do.

use std::future::Future;
use std::time::Instant;

use weir_kafka::session::Head;

use super::Connection;
use super::broker::Broker;
use crate::close_reason::CloseReason;

/// What ended a wait.
enum Woken {
    Ready,
    Client,
    Dialled(Option<crate::link::Link>),
    View(Option<std::sync::Arc<weir_kafka::cluster::ClusterView>>),
}

impl Connection {
    pub(super) async fn wait(&mut self) -> Result<(), CloseReason> {
        let until = self.wake_at().into();
        if self.alarm.is_elapsed() || until < self.alarm.deadline() {
            self.alarm.as_mut().reset(until);
        }
        let has_room = self.has_room();
        let drain = &mut self.drain;
        let drain_wanted = !*drain.borrow();
        let client = &self.client;
        let client_wants = !client.at_end && has_room;
        let unread = client.link.has_pending();
        let (mut dial, broker) = match &mut self.broker {
            Broker::None => (None, None),
            Broker::Dialling(wait) => (Some(&mut wait.dial), None),
            Broker::Open(open) => (None, Some(&open.link)),
        };
        let unsent = broker.is_some_and(crate::link::Link::has_pending);
        let broker_wants = broker.filter(|_| !unread && !matches!(self.session.head(), Head::Local { .. }));
        let mut view_wait = self.view_wait.as_mut();
        let woken = tokio::select! {
            biased;
            _ = maybe(drain_wanted.then(|| drain.changed())) => Woken::Ready,
            _ = maybe(unread.then(|| client.link.writable())) => Woken::Ready,
            _ = maybe(broker_wants.map(crate::link::Link::readable)) => Woken::Ready,
            _ = maybe(client_wants.then(|| client.link.readable())) => Woken::Client,
            _ = maybe(broker.filter(|_| unsent).map(crate::link::Link::writable)) => Woken::Ready,
            link = maybe(dial.as_mut()) => Woken::Dialled(link),
            view = maybe(view_wait.as_mut()) => Woken::View(view),
            () = self.alarm.as_mut() => Woken::Ready,
        };
        match woken {
            Woken::Ready => Ok(()),
            Woken::Client => {
                self.client.quiet = false;
                Ok(())
            }
            Woken::Dialled(link) => {
                if let Broker::Dialling(wait) = std::mem::replace(&mut self.broker, Broker::None) {
                    self.dialled(wait, link)?;
                }
                Ok(())
            }
            Woken::View(view) => {
                self.view_wait = None;
                // Without any view there is nothing true to answer.
                self.awaited_view = Some(view.ok_or(CloseReason::UpstreamLost)?);
                Ok(())
            }
        }
    }

    /// The nearest instant at which something is due.
    pub(super) fn wake_at(&self) -> Instant {
        let limits = &self.snapshot.config.limits;
        let (nearest, _) = self.deadlines.nearest(limits, &self.client, &self.session);
        let reader = self.deadlines.reader_checked_at(limits);
        let answer = match self.session.head() {
            // While the client has not read what there is, an answer that is due is not given: its time must wake nobody.
            Head::Local { not_before, .. } if !self.client.link.has_pending() => not_before,
            Head::Local { .. } | Head::Broker { .. } | Head::Idle => None,
        };
        [reader, answer].into_iter().flatten().fold(nearest, Instant::min)
    }
}

/// A future that may not be there: then it is never ready.
async fn maybe<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
