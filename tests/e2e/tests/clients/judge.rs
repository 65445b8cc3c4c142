//! Whether what the members of a group printed is what was written: every record, in order, unchanged, none twice
//! but what was read after the last commit when a broker died.

use std::collections::BTreeMap;

use weir_testkit::kafka::{Chain, Record};

use crate::group::Log;
use crate::program::{Event, Place};
use crate::{Client, Commits};

/// What is known of one partition while the events are walked.
#[derive(Debug, Default)]
struct Progress {
    /// The next sequence that nobody has seen.
    reached: usize,
    /// The next sequence for each member that reads it; nothing before its first record.
    runs: BTreeMap<usize, usize>,
    /// The next offset that the broker is known to have.
    committed: i64,
}

/// Judges the whole log of one group.
pub fn judge(client: &Client, log: &Log, chains: &[Chain]) -> Result<(), String> {
    let mut partitions: BTreeMap<Place, Progress> = BTreeMap::new();
    for (number, (member, event)) in log.events.iter().enumerate() {
        let storm = log.storm.is_some_and(|(from, to)| (from..to).contains(&number));
        match event {
            Event::Assigned(places) | Event::Revoked(places) => {
                for place in places {
                    partitions.entry(place.clone()).or_default().runs.remove(member);
                }
            }
            Event::Committed(offsets) if client.commits == Commits::Told => {
                for (place, offset) in offsets {
                    let known = &mut partitions.entry(place.clone()).or_default().committed;
                    *known = (*known).max(*offset);
                }
            }
            Event::Record(place, offset, record) => {
                let progress = partitions.entry(place.clone()).or_default();
                let chain = chains.iter().find(|chain| chain.topic() == place.0);
                let chain = chain.ok_or_else(|| format!("{place:?}: nobody asked for it"))?;
                let judged = progress.take(*member, *offset, record, storm);
                let sequence = judged.map_err(|why| format!("event {number}, {place:?}: {why}"))?;
                same(client, chain, sequence, record)?;
            }
            Event::Committed(_) | Event::Error(..) | Event::End(_) => {}
        }
    }
    complete(&partitions, chains)
}

impl Progress {
    /// The sequence of a record, if it may come now.
    fn take(&mut self, member: usize, offset: i64, record: &Record, storm: bool) -> Result<usize, String> {
        let sequence = record.sequence().ok_or_else(|| format!("a record of an aborted transaction: {record:?}"))?;
        match self.runs.get(&member) {
            Some(next) if *next != sequence => return Err(format!("sequence {sequence} came, and {next} is next")),
            Some(_) => {}
            None if sequence > self.reached => {
                return Err(format!("a gap: starts at sequence {sequence}, and {} is next", self.reached));
            }
            None if sequence < self.reached && !storm => {
                return Err(format!("a duplicate: starts at sequence {sequence}, and {} is next", self.reached));
            }
            None if offset < self.committed => {
                return Err(format!("a duplicate: starts at offset {offset}, and {} is committed", self.committed));
            }
            None => {}
        }
        self.runs.insert(member, sequence + 1);
        self.reached = self.reached.max(sequence + 1);
        Ok(sequence)
    }
}

fn same(client: &Client, chain: &Chain, sequence: usize, seen: &Record) -> Result<(), String> {
    let partition = usize::try_from(seen.partition).map_err(|error| error.to_string())?;
    let written = chain.partition(partition).get(sequence);
    let written =
        written.ok_or_else(|| format!("{}-{partition}: sequence {sequence} was never written", chain.topic()))?;
    if !client.lossy {
        return chain.check_run(partition, sequence, std::slice::from_ref(seen));
    }
    if text(written) == text(seen) {
        return Ok(());
    }
    Err(format!("{}-{partition}, sequence {sequence}: wanted {written:?}, and saw {seen:?}", chain.topic()))
}

/// A record as a program prints it that knows only text.
fn text(record: &Record) -> Record {
    let lossy = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned().into_bytes();
    Record {
        key: lossy(&record.key),
        value: record.value.as_ref().map(lossy),
        headers: record.headers.iter().map(|(name, value)| (name.clone(), value.as_ref().map(lossy))).collect(),
        ..record.clone()
    }
}

fn complete(partitions: &BTreeMap<Place, Progress>, chains: &[Chain]) -> Result<(), String> {
    for chain in chains {
        for partition in 0..crate::PARTITIONS {
            let place = (chain.topic().to_string(), i32::try_from(partition).map_err(|error| error.to_string())?);
            let reached = partitions.get(&place).map_or(0, |progress| progress.reached);
            if reached != chain.partition(partition).len() {
                return Err(format!("{place:?}: {reached} of {} records came", chain.partition(partition).len()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        /// A member reads the record of this name at the offset of the same number.
        Read(usize, &'static str),
        /// The broker has this offset.
        Committed(i64),
    }
    use Step::{Committed, Read};

    /// Why the steps are refused, if they are.
    fn refused(steps: &[Step], storm: bool) -> Option<String> {
        let mut progress = Progress::default();
        let outcome = steps.iter().try_for_each(|step| match step {
            Committed(offset) => {
                progress.committed = *offset;
                Ok(())
            }
            Read(member, name) => {
                let key = format!("nonce/0/{name}/0").into_bytes();
                let record = Record { partition: 0, key, value: None, headers: Vec::new(), timestamp_ms: 0 };
                progress.take(*member, name.parse().unwrap_or(0), &record, storm).map(|_| ())
            }
        });
        outcome.err()
    }

    #[test]
    fn order_is_taken_and_a_second_member_goes_on() {
        let steps = [Read(0, "0"), Read(0, "1"), Committed(2), Read(1, "2"), Read(1, "3")];
        assert_eq!(refused(&steps, false), None);
    }

    #[test]
    fn a_gap_disorder_a_duplicate_and_an_aborted_record_are_refused() {
        for (steps, why) in [
            (&[Read(0, "0"), Read(0, "2")][..], "1 is next"),
            (&[Read(0, "0"), Read(0, "1"), Read(0, "0")], "2 is next"),
            (&[Read(0, "0"), Read(1, "2")], "a gap"),
            (&[Read(0, "0"), Read(0, "1"), Read(1, "1")], "a duplicate"),
            (&[Read(0, "aborted-1")], "aborted"),
        ] {
            let told = refused(steps, false);
            assert!(told.as_ref().is_some_and(|told| told.contains(why)), "{why}: {told:?}");
        }
    }

    #[test]
    fn in_a_storm_what_was_not_committed_may_come_again_and_nothing_else() {
        let steps = |committed| [Read(0, "0"), Read(0, "1"), Read(0, "2"), Committed(committed), Read(1, "1")];
        assert_eq!(refused(&steps(1), true), None);
        assert!(refused(&steps(2), true).is_some_and(|why| why.contains("2 is committed")));
    }
}
