//! Topics that may leave only while they are compacted (`only_while_compacted` in the catalogue): brokers are asked
//! again and again whether they are, and each is closed unless they say so.
//!
//! A task for each cluster asks, keeps what is known, hands the topics that are open to the upstream's view, and has
//! open connections look again when one is closed. Must never: open a topic of which no broker said that it is
//! compacted, keep one open on an old word, or tell of a topic that the catalogue does not have.

mod standing;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::audit::{Audit, Event};
use crate::live::Generation;
use crate::upstream::{Confirmed, Upstream};
pub(crate) use standing::Standing;
use topics::{Topics, Wanted, Why};

/// For so many questions in a row the brokers may be silent until what they said last does not hold any more.
const SILENT_QUESTIONS: u32 = 3;
/// How soon it is asked again at first, while something is closed; each time twice as long, up to the whole pause.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest that one round of questions may take, where no word is about to grow too old.
const LONGEST_ROUND: Duration = Duration::from_secs(20);

/// Has every open connection look again at what it may.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// Watches over one cluster, for as long as the process runs.
pub(crate) async fn watch(
    cluster: String,
    upstream: Arc<Upstream>,
    generations: watch::Receiver<Arc<Generation>>,
    standing: Arc<Standing>,
    audit: Audit,
    wake: Wake,
) {
    let topics = Topics::new(upstream.compaction_check().saturating_mul(SILENT_QUESTIONS));
    let told = Told { cluster, closed: BTreeMap::new(), standing, audit };
    Watch { upstream, generations, topics, open: Confirmed::new(), told, wake }.run().await;
}

struct Watch {
    upstream: Arc<Upstream>,
    generations: watch::Receiver<Arc<Generation>>,
    topics: Topics,
    /// What was handed to the view.
    open: Confirmed,
    told: Told,
    wake: Wake,
}

impl Watch {
    async fn run(mut self) {
        let mut views = self.upstream.subscribe();
        let mut pause = self.upstream.compaction_check();
        let mut due = Instant::now();
        loop {
            views.borrow_and_update();
            let wanted = self.wanted();
            let has_new = self.topics.follow(&wanted);
            self.publish();
            if !wanted.is_empty() && (has_new || Instant::now() >= due) {
                let began = Instant::now();
                self.ask(&wanted, began).await;
                self.publish();
                pause = self.next_pause(pause);
                due = began.checked_add(pause).unwrap_or(began);
            }
            let due = (!wanted.is_empty()).then_some(due);
            tokio::select! {
                () = until(due.into_iter().chain(self.topics.expires_at()).min()) => {}
                Ok(()) = views.changed() => {}
                Ok(()) = self.generations.changed() => {}
            }
        }
    }

    /// The topics of the view that the catalogue lets out only while they are compacted.
    fn wanted(&mut self) -> Wanted {
        let policy = Arc::clone(&self.generations.borrow_and_update().snapshot.policy);
        let Some(view) = self.upstream.view().filter(|_| policy.asks_for_compaction()) else { return Wanted::new() };
        let asks = view.topics.iter().filter(|(topic, _)| policy.only_while_compacted(&topic.shown_name()));
        asks.map(|(topic, known)| (topic.clone(), known.id)).collect()
    }

    /// Asks the brokers, but waits for them no longer than what they said before holds.
    async fn ask(&mut self, wanted: &Wanted, began: Instant) {
        let names: Vec<_> = wanted.keys().cloned().collect();
        let longest = began.checked_add(LONGEST_ROUND);
        let by = longest.into_iter().chain(self.topics.expires_at()).min().unwrap_or(began);
        let told = self.upstream.cleanup_policies(&names, by).await;
        self.topics.answered(wanted, began, told.as_ref());
    }

    /// How long until the next question: while something is closed sooner than else, and ever less so.
    fn next_pause(&self, last: Duration) -> Duration {
        let longest = self.upstream.compaction_check();
        match self.topics.closed().is_empty() {
            true => longest,
            false if last < longest => last.saturating_mul(2).min(longest),
            false => AGAIN.min(longest),
        }
    }

    /// Hands on what is known now.
    fn publish(&mut self) {
        self.topics.expire(Instant::now());
        let open = self.topics.confirmed();
        if open != self.open {
            let closes = self.open.iter().any(|(topic, id)| open.get(topic) != Some(id));
            self.upstream.confirm(open.clone());
            self.open = open;
            if closes {
                (self.wake)();
            }
        }
        self.told.tell(self.topics.closed());
    }
}

/// What the log, the audit and `/readyz` were told of one cluster.
struct Told {
    cluster: String,
    closed: BTreeMap<String, Why>,
    standing: Arc<Standing>,
    audit: Audit,
}

impl Told {
    /// Tells what is closed now, where that is something else than before.
    fn tell(&mut self, closed: BTreeMap<String, Why>) {
        if closed == self.closed {
            self.standing.set(&self.cluster, &closed);
            return;
        }
        let upstream = &self.cluster;
        for (topic, why) in &closed {
            if self.closed.get(topic) != Some(why) && *why != Why::Unasked {
                tracing::warn!(upstream, topic, "nobody may read the topic: it must be compacted, and {why}");
                let (upstream, topic) = (upstream.clone(), topic.clone());
                self.audit.note(Event::TopicClosed { upstream, topic, why: why.to_string() });
            }
        }
        for (topic, why) in &self.closed {
            if !closed.contains_key(topic) && *why != Why::Unasked {
                tracing::info!(upstream, topic, "the topic is compacted again, or need not be: it may be read");
                self.audit.note(Event::TopicOpened { upstream: upstream.clone(), topic: topic.clone() });
            }
        }
        self.standing.set(&self.cluster, &closed);
        self.closed = closed;
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
