//! Waiting for whatever can make a connection's next step possible, and no longer than the nearest deadline.
//!
//! Must never: wait for something that nothing will do.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use weir_kafka::session::Head;

use super::Connection;
use super::broker::Broker;
use crate::close_reason::CloseReason;

impl Connection {
    pub(super) async fn wait(&mut self) -> Result<(), CloseReason> {
        let until = self.wake_at().into();
        if self.alarm.is_elapsed() || until < self.alarm.deadline() {
            self.alarm.as_mut().reset(until);
        }
        poll_fn(|context| self.poll_wait(context)).await
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        if self.poll_change(context).is_ready() || self.poll_links(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if let Broker::Dialling(wait) | Broker::Renewing(wait) = &mut self.broker
            && let Poll::Ready(opened) = wait.dial.as_mut().poll(context)
        {
            return Poll::Ready(match std::mem::replace(&mut self.broker, Broker::None) {
                Broker::Dialling(wait) => self.dialled(wait, opened),
                Broker::Renewing(wait) => self.renewed(wait, opened),
                Broker::None | Broker::Open(_) => Err(CloseReason::Internal),
            });
        }
        if let Some(wait) = &mut self.view_wait
            && let Poll::Ready(view) = wait.as_mut().poll(context)
        {
            self.view_wait = None;
            // Without any view there is nothing true to answer.
            self.awaited_view = Some(view.ok_or(CloseReason::UpstreamLost)?);
            return Poll::Ready(Ok(()));
        }
        self.alarm.as_mut().poll(context).map(Ok)
    }

    /// Whether the process has begun to stop, or something else has come into force, since the last wait.
    fn poll_change(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.waking.is_none() {
            self.waking = Some(self.worker.wake_at_change(context.waker()));
        }
        if self.worker.stopping() != self.stopping || !self.worker.is_in_force(&self.generation) {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Whether one of the two connections has become ready for what is wanted of it.
    fn poll_links(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let unread = self.client.link.has_pending();
        if unread && self.client.link.poll_writable(context).is_ready() {
            return Poll::Ready(());
        }
        if let Broker::Open(open) = &self.broker {
            let wanted = !unread && !matches!(self.session.head(), Head::Local { .. });
            if wanted && open.link.poll_readable(context).is_ready() {
                return Poll::Ready(());
            }
            if open.link.has_pending() && open.link.poll_writable(context).is_ready() {
                return Poll::Ready(());
            }
        }
        if self.client.at_end || !self.has_room() {
            return Poll::Pending;
        }
        ready!(self.client.link.poll_readable(context));
        self.client.quiet = false;
        Poll::Ready(())
    }

    /// The nearest instant at which something is due.
    pub(super) fn wake_at(&self) -> Instant {
        let limits = &self.snapshot.config.limits;
        let (nearest, _) = self.deadlines.nearest(limits, &self.client, &self.session);
        let reader = self.deadlines.reader_checked_at(limits);
        let answer = match self.session.head() {
            // While the client has not read what there is, an answer that is due is not given: its time must wake
            // nobody.
            Head::Local { not_before, .. } if !self.client.link.has_pending() => not_before,
            Head::Local { .. } | Head::Broker { .. } | Head::Idle => None,
        };
        // An end that has come waits for the client or the broker, and not for the clock.
        let end = self.ends_at.filter(|_| !self.is_ending);
        [reader, answer, self.dues.muted_until(), end].into_iter().flatten().fold(nearest, Instant::min)
    }
}
