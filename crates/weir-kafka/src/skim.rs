//! What a walked body names, without decoding it: the body is passed over along its shape.
//!
//! Must never: be given bytes that the gate has not walked, or stop before the last topic without saying so.

use std::ops::Range;

use crate::shape::{Counted, Field, Kind, Shape};
use crate::wire::{Malformed, Reader};

/// Whether all topics that a request names are such, and all partitions in them. A topic's name is its first field;
/// a partition is shown with its topic, as the bytes that it has.
pub(crate) fn all<'a>(
    shape: &Shape,
    version: i16,
    body: &'a [u8],
    mut is_such: impl FnMut(&'a str) -> bool,
    mut has_such: impl FnMut(&'a str, &'a [u8]) -> bool,
) -> Result<bool, Malformed> {
    let mut skim = Skim { reader: Reader::new(body), version, flexible: shape.is_flexible(version) };
    for field in skim.plain(shape.fields) {
        match field.kind {
            Kind::Array(Kind::Struct(fields)) if field.counted == Counted::Topics => {
                for _ in 0..skim.length()?.unwrap_or(0) {
                    let topic = skim.text()?;
                    if !is_such(topic) || !skim.partitions(fields, body, |bytes| has_such(topic, bytes))? {
                        return Ok(false);
                    }
                }
            }
            kind => skim.value(kind, field.is_nullable(version))?,
        }
    }
    skim.end_of_structure()?;
    if skim.reader.remaining() == 0 { Ok(true) } else { Err(Malformed::TrailingBytes) }
}

/// The first field of a walked body, where that is a string: what it says, and where it ends.
pub(crate) fn first_text<'a>(shape: &Shape, version: i16, body: &'a [u8]) -> Result<(&'a str, usize), Malformed> {
    let mut skim = Skim { reader: Reader::new(body), version, flexible: shape.is_flexible(version) };
    let text = skim.text()?;
    Ok((text, skim.reader.position()))
}

/// The one list of structures of a walked body, whose elements begin with a string: where its count begins and its last
/// element ends. `each` is given every element in turn, the string and the bytes behind it.
pub(crate) fn list(
    shape: &Shape,
    version: i16,
    body: &[u8],
    mut each: impl FnMut(&str, &[u8]),
) -> Result<Range<usize>, Malformed> {
    let mut skim = Skim { reader: Reader::new(body), version, flexible: shape.is_flexible(version) };
    let mut place = None;
    for field in skim.plain(shape.fields) {
        let Kind::Array(Kind::Struct(fields)) = field.kind else {
            skim.value(field.kind, field.is_nullable(version))?;
            continue;
        };
        let start = skim.reader.position();
        for _ in 0..skim.length()?.unwrap_or(0) {
            let text = skim.text()?;
            let from = skim.reader.position();
            skim.behind_first(fields)?;
            each(text, body.get(from..skim.reader.position()).unwrap_or_default());
        }
        place = Some(start..skim.reader.position());
    }
    skim.end_of_structure()?;
    if skim.reader.remaining() > 0 {
        return Err(Malformed::TrailingBytes);
    }
    place.ok_or(Malformed::NotDecodable)
}

struct Skim<'a> {
    reader: Reader<'a>,
    version: i16,
    flexible: bool,
}

impl<'a> Skim<'a> {
    /// The fields of a structure that are there in this version, without the tagged ones.
    fn plain(&self, fields: &'static [Field]) -> impl Iterator<Item = &'static Field> + use<> {
        let version = self.version;
        fields.iter().filter(move |field| field.is_plain_in(version))
    }

    /// Passes over a topic whose name was read, and its partitions while they are such.
    fn partitions(
        &mut self,
        fields: &'static [Field],
        body: &'a [u8],
        mut is_such: impl FnMut(&'a [u8]) -> bool,
    ) -> Result<bool, Malformed> {
        for field in self.plain(fields).skip(1) {
            let (Kind::Array(Kind::Struct(fields)), Counted::Partitions) = (field.kind, field.counted) else {
                self.value(field.kind, field.is_nullable(self.version))?;
                continue;
            };
            for _ in 0..self.length()?.unwrap_or(0) {
                let from = self.reader.position();
                self.structure(fields)?;
                if !is_such(body.get(from..self.reader.position()).unwrap_or_default()) {
                    return Ok(false);
                }
            }
        }
        self.end_of_structure()?;
        Ok(true)
    }

    /// Passes over a structure whose first field was read.
    fn behind_first(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        for field in self.plain(fields).skip(1) {
            self.value(field.kind, field.is_nullable(self.version))?;
        }
        self.end_of_structure()
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        if self.flexible { self.reader.compact_string() } else { self.reader.string() }
    }

    fn structure(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        for field in self.plain(fields) {
            self.value(field.kind, field.is_nullable(self.version))?;
        }
        self.end_of_structure()
    }

    fn end_of_structure(&mut self) -> Result<(), Malformed> {
        if self.flexible { self.reader.skip_tags().map(drop) } else { Ok(()) }
    }

    fn value(&mut self, kind: Kind, nullable: bool) -> Result<(), Malformed> {
        match kind {
            Kind::Array(element) => {
                for _ in 0..self.length()?.unwrap_or(0) {
                    self.value(*element, false)?;
                }
                Ok(())
            }
            Kind::Struct(fields) => {
                if !nullable || self.reader.i8()? >= 0 {
                    self.structure(fields)?;
                }
                Ok(())
            }
            plain => plain.skip_plain(&mut self.reader, self.flexible),
        }
    }

    fn length(&mut self) -> Result<Option<usize>, Malformed> {
        self.reader.length(self.flexible)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::{
        HeartbeatRequest, ListGroupsResponse, ListOffsetsRequest, OffsetCommitRequest, TopicName,
    };
    use kafka_protocol::protocol::Decodable;

    use super::*;
    use crate::shape::{heartbeat, list_groups, list_offsets, offset_commit, random};

    fn decoded<M: Decodable>(version: i16, body: &[u8]) -> M {
        M::decode(&mut Bytes::copy_from_slice(body), version).unwrap()
    }

    /// On generated bodies of every version, what is visited is what `kafka-protocol`'s decoder finds.
    fn visits_what_is_decoded(shape: &Shape, names: impl Fn(i16, &[u8]) -> Vec<TopicName>) {
        for version in shape.versions.min..=shape.versions.max {
            for seed in 0..200 {
                let body = random::body(shape, version, seed, 5);
                let mut visited = Vec::new();
                let visit = |name: &str| {
                    visited.push(name.to_owned());
                    true
                };
                let mut partitions = 0;
                let all = all(shape, version, &body, visit, |_, _| {
                    partitions += 1;
                    true
                });
                assert_eq!(all, Ok(true), "version {version}: {body:x?}");
                let names: Vec<String> = names(version, &body).iter().map(|name| name.to_string()).collect();
                assert_eq!(visited, names, "version {version}: {body:x?}");
                let is_such = |name: &str| names.last().is_none_or(|last| name != last);
                let refused = super::all(shape, version, &body, is_such, |_, _| true);
                assert_eq!(refused, Ok(names.is_empty()), "one topic refused is enough, the last one too");
            }
        }
    }

    #[test]
    fn every_topic_of_a_request_is_visited() {
        visits_what_is_decoded(&offset_commit::REQUEST, |version, body| {
            let message = decoded::<OffsetCommitRequest>(version, body);
            message.topics.into_iter().map(|topic| topic.name).collect()
        });
        visits_what_is_decoded(&list_offsets::REQUEST, |version, body| {
            let message = decoded::<ListOffsetsRequest>(version, body);
            message.topics.into_iter().map(|topic| topic.name).collect()
        });
    }

    #[test]
    fn every_element_of_a_list_is_visited_and_the_list_has_its_place() {
        let shape = &list_groups::RESPONSE;
        for version in shape.versions.min..=shape.versions.max {
            for seed in 0..200 {
                let body = random::body(shape, version, seed, 5);
                let (mut names, mut bytes) = (Vec::new(), 0);
                let visit = |name: &str, rest: &[u8]| {
                    names.push(name.to_owned());
                    bytes += name.len() + rest.len();
                };
                let place = list(shape, version, &body, visit).unwrap();
                let groups = decoded::<ListGroupsResponse>(version, &body).groups;
                let decoded: Vec<String> = groups.iter().map(|group| group.group_id.to_string()).collect();
                assert_eq!(names, decoded, "version {version}: {body:x?}");
                // Behind the list stand the tags alone; in it, the count and the lengths of the names.
                assert_eq!(place.end, body.len() - usize::from(shape.is_flexible(version)));
                assert!(place.len() > bytes && place.len() <= bytes + 4 + 2 * names.len());
            }
            let body = random::body(shape, version, 3, 4);
            assert!((0..body.len()).all(|end| list(shape, version, &body[..end], |_, _| ()).is_err()));
        }
    }

    #[test]
    fn bytes_that_end_early_are_an_error_and_never_a_shorter_list() {
        let shape = &offset_commit::REQUEST;
        for version in shape.versions.min..=shape.versions.max {
            let body = random::body(shape, version, 3, 4);
            for end in 0..body.len() {
                assert!(
                    all(shape, version, &body[..end], |_| true, |_, _| true).is_err(),
                    "version {version} cut at {end}"
                );
            }
        }
    }

    #[test]
    fn a_request_of_a_group_begins_with_the_group() {
        let shape = &heartbeat::REQUEST;
        for version in shape.versions.min..=shape.versions.max {
            for seed in 0..100 {
                let body = random::body(shape, version, seed, 1);
                let (text, end) = first_text(shape, version, &body).unwrap();
                assert_eq!(text, &**decoded::<HeartbeatRequest>(version, &body).group_id);
                assert!(body[..end].ends_with(text.as_bytes()));
            }
        }
    }
}
