//! The main job of a few clients where nobody kills brokers: they read all that is there, share with a second member,
//! stop, resume where they committed, and are refused a topic that they have no grant for.
//!
//! Whoever includes it brings `edge`, `group`, `judge`, `program`, `Client`, `Commits` and `PARTITIONS` into the root of its
//! crate. The whole matrix, and what happens when brokers die, is in `../clients.rs`.

#![allow(dead_code, reason = "the groups of `../clients.rs` can do more")]

#[path = "../clients/group.rs"]
pub mod group;
#[path = "../clients/judge.rs"]
pub mod judge;
#[path = "../clients/program.rs"]
pub mod program;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use weir_testkit::kafka::Chain;

use group::Group;

/// Of each topic.
pub const PARTITIONS: usize = 2;
const LIMIT: Duration = Duration::from_secs(60);

/// All that a client is told.
pub mod edge {
    use weir_testkit::Identity;

    /// Where Weir is, and who the clients are there.
    pub struct Edge {
        /// `host:port`.
        pub bootstrap: String,
        /// The certificate and its key, and whom to trust.
        pub identity: Identity,
    }
}

/// One client as it is tested.
#[derive(Debug)]
pub struct Client {
    /// Its directory in `tests/clients/`.
    pub name: &'static str,
    /// The group protocol.
    pub protocol: &'static str,
    /// Who commits, and what the program can say about it.
    pub commits: Commits,
    /// It prints bytes that are no UTF-8 as U+FFFD.
    pub lossy: bool,
}

/// Who commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// The program; it prints `committed` when the broker has accepted.
    Told,
    /// The program; the library does not say whether the broker has accepted.
    Asked,
    /// The library, by a timer and at the end.
    Auto,
}

impl Client {
    /// A client of the classic protocol that tells what was committed.
    pub const fn classic(name: &'static str) -> Self {
        Self { name, protocol: "classic", commits: Commits::Told, lossy: false }
    }
}

/// Where it is done.
pub struct Place<'a> {
    /// Where the clients begin.
    pub edge: &'a edge::Edge,
    /// `host:port` of the brokers, with commas, for who writes.
    pub brokers: String,
    /// What a group has committed, by the name that the clients know it by.
    pub committed: &'a dyn Fn(&str) -> BTreeMap<program::Place, i64>,
    /// A topic that nobody is granted.
    pub hidden: &'a str,
}

/// Does it with all clients at once, whose groups have `run` in their names; gives what failed.
pub fn run(place: &Place<'_>, clients: &'static [Client], chains: &mut [Chain], run: &str) -> Vec<String> {
    let began = Instant::now();
    let topics: Vec<String> = chains.iter().map(|chain| chain.topic().to_owned()).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let partitions = topics.len() * PARTITIONS;
    let new = |client: &'static Client| Group::new(client, format!("{}-{run}", client.name));
    let mut groups: Vec<Group> = clients.iter().map(new).collect();
    let extend = |chains: &mut [Chain]| chains.iter_mut().for_each(|chain| chain.append_at(&place.brokers, 10));

    groups.iter_mut().for_each(|group| group.join(place.edge, &topics));
    group::all(&mut groups, "read all that is there", LIMIT, |group| group.caught_up(chains));
    groups.iter_mut().for_each(|group| group.join(place.edge, &topics));
    group::all(&mut groups, "share with a second member", LIMIT, |group| group.shared(partitions));
    extend(chains);
    group::all(&mut groups, "read with two members", LIMIT, |group| group.caught_up(chains));

    group::each(&mut groups, "stop the second member", Group::leave);
    group::each(&mut groups, "stop", Group::leave);
    group::each(&mut groups, "have committed all", |group| group.has_committed(&(place.committed)(group.id())));
    extend(chains);
    groups.iter_mut().for_each(|group| group.join(place.edge, &topics));
    group::all(&mut groups, "resume", LIMIT, |group| group.caught_up(chains));
    group::each(&mut groups, "stop again", Group::leave);
    group::each(&mut groups, "be refused another topic", |group| group.probe(place.edge, place.hidden));
    group::each(&mut groups, "be right in every record", |group| group.judge(chains));
    println!("{:>4} s  {run}: {} clients have done the main job", began.elapsed().as_secs(), groups.len());
    groups.iter().filter_map(Group::failure).collect()
}
