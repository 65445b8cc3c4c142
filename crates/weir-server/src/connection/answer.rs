//! Answers on their way to the client: those that Weir makes itself, once it knows enough, and those that come from the
//! broker.
//!
//! Must never: read from the broker while something waits to be sent to the client, or answer out of turn.

use std::sync::Arc;
use std::time::Instant;

use weir_kafka::answer::ViewNeed;
use weir_kafka::cluster::ClusterView;
use weir_kafka::session::Head;

use super::Connection;
use super::broker::{self, Broker};
use crate::close_reason::CloseReason;

impl Connection {
    /// Moves the oldest request's answer on; false where nothing moved.
    pub(super) fn answer(&mut self, now: Instant) -> Result<bool, CloseReason> {
        if self.client.link.has_pending() {
            return Ok(false);
        }
        match self.session.head() {
            Head::Idle if self.session.drops_answers() => self.relay(now),
            Head::Idle => {
                // Without a request the broker has nothing to say: what can be read there is its end.
                self.broker.expect_silence()?;
                Ok(false)
            }
            Head::Local { not_before, view } => {
                if not_before.is_some_and(|due| now < due) || !self.has_view(view, now) {
                    return Ok(false);
                }
                let awaited = self.awaited_view.take();
                self.answer_locally(awaited, now)?;
                Ok(true)
            }
            Head::Broker { .. } => self.relay(now),
        }
    }

    fn answer_locally(&mut self, awaited: Option<Arc<ClusterView>>, now: Instant) -> Result<(), CloseReason> {
        let known = self.listener.upstream.borrow_view();
        let view = newest(awaited.as_deref(), known.as_deref());
        let whose = self.dues.whose(&self.principal, now);
        let env = self.listener.env(&self.snapshot, whose, view, true, now);
        self.session.answer_head(&env, &mut self.client).map_err(CloseReason::from)?;
        self.deadlines.answered(now);
        Ok(())
    }

    /// Whether what the answer must know of the cluster is known; if not, it is asked for.
    fn has_view(&mut self, need: ViewNeed, now: Instant) -> bool {
        let not_older_than = match need {
            ViewNeed::None => return true,
            ViewNeed::Any => None,
            ViewNeed::NotOlderThan(instant) => Some(instant),
        };
        if self.awaited_view.is_some() {
            return true;
        }
        let known = self.listener.upstream.borrow_view();
        let fresh = known.as_ref().is_some_and(|view| not_older_than.is_none_or(|instant| view.fetched_at >= instant));
        if fresh {
            // A wait that is no longer needed must not come to its end later, with what is an old view by then.
            self.view_wait = None;
        } else if self.view_wait.is_none() {
            let upstream = Arc::clone(&self.listener.upstream);
            self.view_wait = Some(broker::wait_for_view(upstream, not_older_than.unwrap_or(now), now));
        }
        fresh
    }

    /// Gives the client what the broker's answer has; false where nothing came.
    pub(super) fn relay(&mut self, now: Instant) -> Result<bool, CloseReason> {
        let Broker::Open(open) = &mut self.broker else { return Ok(false) };
        let session = &mut self.session;
        let client = &mut self.client;
        let moved = self.worker.with_scratch(|scratch| {
            let Some(filled) = open.read(scratch)? else { return Ok::<_, CloseReason>(false) };
            let view = self.listener.upstream.borrow_view();
            let whose = self.dues.whose(&self.principal, now);
            let env = self.listener.env(&self.snapshot, whose, view.as_deref(), true, now);
            open.relay(scratch, filled, session, &env, client)?;
            Ok(true)
        })?;
        if moved {
            self.deadlines.answered(now);
        }
        if self.session.take_view_is_stale() {
            self.listener.upstream.mark_suspect();
        }
        Ok(moved)
    }
}

/// While a client does not read, the view that its answer waited for grows old: a topic may have been closed since.
fn newest<'a>(awaited: Option<&'a ClusterView>, known: Option<&'a ClusterView>) -> Option<&'a ClusterView> {
    awaited.into_iter().chain(known).max_by_key(|view| (view.fetched_at, view.topics_generation))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use weir_kafka::cluster::RealClusterId;
    use weir_kafka::racks::Racks;
    use weir_policy::Compacted;

    use super::*;

    #[test]
    fn hostile_a_client_that_does_not_read_keeps_no_old_view() {
        let now = Instant::now();
        let view = |fetched_at, topics_generation| ClusterView {
            cluster_id: RealClusterId("cluster".to_owned()),
            brokers: BTreeMap::new(),
            topics: HashMap::new(),
            compacted: Compacted::none().clone(),
            topics_by_id: BTreeMap::new(),
            racks: Racks::default(),
            versions: HashMap::new(),
            topics_generation,
            fetched_at,
        };
        let (awaited, closed_since) = (view(now, 1), view(now, 2));
        let generation = |one, other| newest(one, other).map(|view| view.topics_generation);
        assert_eq!(generation(Some(&awaited), Some(&closed_since)), Some(2));
        assert_eq!(generation(Some(&awaited), None), Some(1));
        assert_eq!(generation(Some(&view(now + std::time::Duration::from_secs(1), 1)), Some(&closed_since)), Some(1));
    }
}
