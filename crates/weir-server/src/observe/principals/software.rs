//! What a principal's clients say that they are: the few that said so last.
//!
//! Must never: hold more than `MOST`, however many names a client invents.

use weir_kafka::software::ClientSoftware;

/// How many are kept.
const MOST: usize = 4;

/// The newest last.
#[derive(Debug, Default)]
pub(super) struct Software(Vec<Said>);

/// One software, and how many connections have said that they are it, since it was heard of first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub software: ClientSoftware,
    pub connections: u64,
}

impl Software {
    pub(super) fn says(&mut self, software: ClientSoftware) {
        let known = self.0.iter().position(|said| said.software == software);
        let mut said = known.map_or(Said { software, connections: 0 }, |place| self.0.remove(place));
        said.connections = said.connections.saturating_add(1);
        if self.0.len() >= MOST {
            // The one that was said the longest ago.
            self.0.remove(0);
        }
        self.0.push(said);
    }

    /// The newest first.
    pub(super) fn all(&self) -> Vec<Said> {
        self.0.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_q20_whoever_invents_names_leaves_four_behind() {
        let mut software = Software::default();
        let mut says = |name: &str| software.says(ClientSoftware::new(name, "1").unwrap());
        (0..1_000).for_each(|index| says(&format!("invented-{index}")));
        says("librdkafka");
        says("invented-999");
        let all = software.all();
        let told: Vec<_> = all.iter().map(|said| (said.software.name.as_str(), said.connections)).collect();
        assert_eq!(told, [("invented-999", 2), ("librdkafka", 1), ("invented-998", 1), ("invented-997", 1)]);
    }
}
