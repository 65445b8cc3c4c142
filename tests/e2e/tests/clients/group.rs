//! The members of one consumer group, all of one client, and all that they printed, in the order in which it came.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use weir_testkit::kafka::Chain;
use weir_testkit::{clients, paths, wait};

use crate::edge::Edge;
use crate::program::{Event, Place, Program};
use crate::{Client, Commits, judge};

const STOP_LIMIT: Duration = Duration::from_secs(45);
/// Worth a line.
const SLOW: Duration = Duration::from_secs(8);
const NOT_ALLOWED: i32 = 3;
const TOPIC_AUTHORIZATION_FAILED: i64 = 29;

/// A group. After its first failure nothing more is asked of it.
pub struct Group {
    client: &'static Client,
    id: String,
    dir: PathBuf,
    /// Each with its number, in the order of joining.
    members: Vec<(usize, Program)>,
    log: Arc<Mutex<Log>>,
    failure: Option<String>,
}

/// What the members printed.
#[derive(Debug, Default)]
pub struct Log {
    /// The member, by its place in the order of joining, and what it printed.
    pub events: Vec<(usize, Event)>,
    /// Events from here to there happened while brokers died and came back.
    pub storm: Option<(usize, usize)>,
    /// What each member reads now.
    assigned: BTreeMap<usize, BTreeSet<Place>>,
    /// How many records each member said that it printed, in its last line.
    ended: BTreeMap<usize, usize>,
    /// The next sequence of each partition.
    reached: BTreeMap<Place, usize>,
    /// The next offset of each partition.
    offsets: BTreeMap<Place, i64>,
}

impl Group {
    /// Nobody in it yet.
    pub fn new(client: &'static Client, id: String) -> Self {
        let dir = paths::run_dir("client-runs");
        Self { client, id, dir, members: Vec::new(), log: Arc::default(), failure: None }
    }

    /// Which client.
    pub fn client(&self) -> &'static Client {
        self.client
    }

    /// The group id, as the client knows it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What went wrong first.
    pub fn failure(&self) -> Option<String> {
        let why = self.failure.as_ref()?;
        Some(format!("{} {}: {why} (see {})", self.client.name, self.client.protocol, self.dir.display()))
    }

    /// Starts one more member.
    pub fn join(&mut self, edge: &Edge, topics: &[&str]) {
        if self.failure.is_some() {
            return;
        }
        let (number, log) = (self.lock().assigned.len(), Arc::clone(&self.log));
        log.lock().unwrap_or_else(PoisonError::into_inner).assigned.insert(number, BTreeSet::new());
        let program = self.start(edge, &number.to_string(), &[("TOPICS", topics.join(","))], move |event| {
            log.lock().unwrap_or_else(PoisonError::into_inner).add(number, event);
        });
        self.members.push((number, program));
    }

    /// Stops the member that joined last; it must commit, leave, and end well.
    pub fn leave(&mut self) -> Result<(), String> {
        let (number, mut program) = self.members.pop().ok_or("nobody is in the group")?;
        match program.stop(STOP_LIMIT)? {
            0 => {}
            status => return Err(format!("exit status {status}; see {}", program.log().display())),
        }
        let mut log = self.lock();
        let told = *log.ended.get(&number).ok_or("its last line is not `end`")?;
        let own = log.events.iter().filter(|(by, event)| *by == number && matches!(event, Event::Record(..)));
        let printed = own.count();
        if printed != told {
            return Err(format!("it printed {printed} records, and says {told}"));
        }
        log.assigned.insert(number, BTreeSet::new());
        Ok(())
    }

    /// Whether all records have come.
    pub fn caught_up(&self, chains: &[Chain]) -> Result<(), String> {
        let log = self.lock();
        for chain in chains {
            for partition in 0..crate::PARTITIONS {
                let place = (chain.topic().to_string(), i32::try_from(partition).expect("few partitions"));
                let (reached, written) =
                    (log.reached.get(&place).copied().unwrap_or(0), chain.partition(partition).len());
                if reached < written {
                    return Err(format!("{place:?}: {reached} of {written} records; {}", log.tail()));
                }
            }
        }
        Ok(())
    }

    /// Whether two members have all partitions, and each has some.
    pub fn shared(&self, partitions: usize) -> Result<(), String> {
        self.members_have(partitions, 2)
    }

    /// Whether one member has all partitions.
    pub fn alone(&self, partitions: usize) -> Result<(), String> {
        self.members_have(partitions, 1)
    }

    fn members_have(&self, partitions: usize, members: usize) -> Result<(), String> {
        let log = self.lock();
        let sizes: Vec<usize> = log.assigned.values().map(BTreeSet::len).filter(|size| *size > 0).collect();
        if sizes.len() == members && sizes.iter().sum::<usize>() == partitions {
            return Ok(());
        }
        Err(format!("{sizes:?} of {partitions} partitions are with {members} members; {}", log.tail()))
    }

    /// Whether it has not failed, and no member has ended before it was told to.
    fn runs(&self) -> bool {
        let log = self.lock();
        self.failure.is_none() && !self.members.iter().any(|(number, _)| log.ended.contains_key(number))
    }

    /// From here on brokers die: what was read after the last commit may come again.
    pub fn storm_begins(&mut self) {
        let mut log = self.lock();
        log.storm = Some((log.events.len(), usize::MAX));
    }

    /// Whether the broker has the offset after the last record of each partition. Nobody must be in the group.
    pub fn has_committed(&self, broker: &BTreeMap<Place, i64>) -> Result<(), String> {
        let mut log = self.lock();
        let now = log.events.len();
        log.storm = log.storm.map(|(from, _)| (from, now));
        for (place, next) in &log.offsets {
            // More when the client counts the end of a transaction, too.
            if broker.get(place).is_none_or(|committed| committed < next) {
                return Err(format!("{place:?}: read up to {next}, and the broker has {:?}", broker.get(place)));
            }
        }
        Ok(())
    }

    /// A member that asks for a topic that it may not read must be told so, and end.
    pub fn probe(&mut self, edge: &Edge, topic: &str) -> Result<(), String> {
        let (status, events) = self.once(edge, "probe", &[("PROBE", topic.to_string())])?;
        let refused = |event: &Event| matches!(event, Event::Error(Some(TOPIC_AUTHORIZATION_FAILED), _));
        if status != NOT_ALLOWED || !events.iter().any(refused) {
            return Err(format!("status {status}, and it printed {events:?}"));
        }
        Ok(())
    }

    /// How many records of aborted transactions a reader of uncommitted records sees.
    pub fn aborted_records(&mut self, edge: &Edge, topic: &str) -> usize {
        let settings = [("TOPICS", topic), ("ISOLATION", "read_uncommitted"), ("UNTIL_IDLE_MS", "4000")];
        let settings = settings.map(|(key, value)| (key, value.to_string()));
        let group = ("GROUP", format!("{}-uncommitted", self.id));
        let settings: Vec<_> = settings.into_iter().chain([group]).collect();
        let (_, events) = self.once(edge, "uncommitted", &settings).unwrap_or_else(|why| panic!("{why}"));
        let aborted = |event: &&Event| matches!(event, Event::Record(_, _, record) if record.sequence().is_none());
        events.iter().filter(aborted).count()
    }

    /// Whether what came is what was written.
    pub fn judge(&self, chains: &[Chain]) -> Result<(), String> {
        judge::judge(self.client, &self.lock(), chains)
    }

    fn once(&self, edge: &Edge, name: &str, settings: &[(&str, String)]) -> Result<(i32, Vec<Event>), String> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        let mut program = self.start(edge, name, settings, move |event| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        });
        let status = program.wait(STOP_LIMIT)?;
        let events = events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((status, events))
    }

    fn start(
        &self,
        edge: &Edge,
        name: &str,
        settings: &[(&str, String)],
        sink: impl FnMut(Event) + Send + 'static,
    ) -> Program {
        let run = clients::ready(self.client.name).expect("it was ready before");
        let commit = if self.client.commits == Commits::Auto { "auto" } else { "each" };
        let path = |path: &std::path::Path| path.to_str().expect("the path is text").to_string();
        let mut environment = vec![
            ("BOOTSTRAP", edge.bootstrap.clone()),
            ("CA", path(&edge.identity.ca)),
            ("CERT", path(&edge.identity.certificate)),
            ("KEY", path(&edge.identity.key)),
            ("GROUP", self.id.clone()),
            ("PROTOCOL", self.client.protocol.to_string()),
            ("COMMIT", commit.to_string()),
        ];
        environment.extend_from_slice(settings);
        Program::start(&run, &environment, self.dir.join(format!("{name}.log")), sink)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn add(&mut self, member: usize, event: Event) {
        let own = self.assigned.entry(member).or_default();
        match &event {
            Event::Assigned(places) => own.extend(places.iter().cloned()),
            Event::Revoked(places) => own.retain(|place| !places.contains(place)),
            Event::Record(place, offset, record) => {
                if let Some(sequence) = record.sequence() {
                    let next = self.reached.entry(place.clone()).or_default();
                    *next = (*next).max(sequence + 1);
                }
                let next = self.offsets.entry(place.clone()).or_default();
                *next = (*next).max(offset + 1);
            }
            Event::End(records) => {
                self.ended.insert(member, *records);
            }
            Event::Committed(_) | Event::Error(..) => {}
        }
        self.events.push((member, event));
    }

    /// The last few events that are no records, for a message.
    fn tail(&self) -> String {
        let telling = |event: &&(usize, Event)| !matches!(event.1, Event::Record(..) | Event::Committed(_));
        let text = |event: &Event| match event {
            Event::Error(_, line) => line.clone(),
            event => format!("{event:?}"),
        };
        let last: Vec<String> = self.events.iter().rev().filter(telling).take(4).map(|one| text(&one.1)).collect();
        format!("last events, newest first: {}", last.join(" "))
    }
}

/// Waits until `done` holds for every group; whoever is late has failed. Tells who was slow.
pub fn all(groups: &mut [Group], what: &str, limit: Duration, done: impl Fn(&Group) -> Result<(), String>) {
    let (began, mut last) = (Instant::now(), String::new());
    let _ = wait::try_until(limit, || {
        let late = groups.iter().find(|group| group.runs() && done(group).is_err());
        last = late.map_or(last.clone(), |group| format!("{} {}", group.client.name, group.client.protocol));
        late.map_or(Ok(()), |_| Err(String::new()))
    });
    if began.elapsed() > SLOW {
        println!("       {} s to {what}; one of the last: {last}", began.elapsed().as_secs());
    }
    each(groups, &format!("in {} s to {what}", limit.as_secs()), |group| done(group));
}

/// Does `act` with every group; where it gives an error the group has failed.
pub fn each(groups: &mut [Group], what: &str, mut act: impl FnMut(&mut Group) -> Result<(), String>) {
    for group in groups.iter_mut().filter(|group| group.failure.is_none()) {
        if let Err(why) = act(group) {
            group.failure = Some(format!("failed {what}: {why}"));
            group.members.clear();
        }
    }
}
