//! What the members of a classic group wrote for one another, as it is shown to who describes the group: without the
//! topics that are refused (trap L10). Kafka shows it as it is.
//!
//! Must never: show a byte of what was not understood to its end.

use bytes::Bytes;

use crate::wire::{Malformed, Reader, put_i16, put_i32, put_nullable_string};

/// The newest form of what members write.
const NEWEST: i16 = 3;

/// A member's subscription; empty where it is none.
pub(super) fn subscription(written: &Bytes, may_see: impl Fn(&str) -> bool) -> Bytes {
    Copy::of(written, may_see, Copy::subscription)
}

/// A member's assignment; empty where it is none.
pub(super) fn assignment(written: &Bytes, may_see: impl Fn(&str) -> bool) -> Bytes {
    Copy::of(written, may_see, Copy::assignment)
}

/// Reads, and writes what may be seen.
struct Copy<'a, F> {
    bytes: &'a [u8],
    reader: Reader<'a>,
    out: Vec<u8>,
    may_see: F,
    /// Something was left out.
    cut: bool,
}

impl<'a, F: Fn(&str) -> bool> Copy<'a, F> {
    fn of(written: &'a Bytes, may_see: F, read: impl Fn(&mut Self) -> Result<(), Malformed>) -> Bytes {
        let mut copy = Self { bytes: written, reader: Reader::new(written), out: Vec::new(), may_see, cut: false };
        match read(&mut copy) {
            Ok(()) if copy.reader.remaining() > 0 => Bytes::new(),
            Ok(()) if copy.cut => copy.out.into(),
            Ok(()) => written.clone(),
            Err(_) => Bytes::new(),
        }
    }

    fn subscription(&mut self) -> Result<(), Malformed> {
        let version = self.version()?;
        self.elements(|copy| copy.reader.string())?;
        self.user_data()?;
        // Some clients write version 1 and end here.
        if version >= 1 && self.reader.remaining() > 0 {
            self.elements(Self::topic_partitions)?;
        }
        if version >= 2 && self.reader.remaining() > 0 {
            // The generation.
            let generation = self.reader.i32()?;
            put_i32(&mut self.out, generation);
        }
        if version >= 3 && self.reader.remaining() > 0 {
            let rack = self.reader.nullable_string()?;
            put_nullable_string(&mut self.out, rack);
        }
        Ok(())
    }

    fn assignment(&mut self) -> Result<(), Malformed> {
        self.version()?;
        self.elements(Self::topic_partitions)?;
        self.user_data()
    }

    fn version(&mut self) -> Result<i16, Malformed> {
        let version = self.reader.i16()?;
        put_i16(&mut self.out, version);
        if (0..=NEWEST).contains(&version) { Ok(version) } else { Err(Malformed::NoSuchVersion) }
    }

    /// A list of what begins with a topic's name: `read` passes over one element and gives the name.
    fn elements(&mut self, read: impl Fn(&mut Self) -> Result<&'a str, Malformed>) -> Result<(), Malformed> {
        let count = self.reader.plain_length()?.ok_or(Malformed::NullNotAllowed)?;
        let (mut kept, mut elements) = (0, Vec::new());
        for _ in 0..count {
            let from = self.reader.position();
            let topic = read(self)?;
            if (self.may_see)(topic) {
                elements.extend_from_slice(self.bytes.get(from..self.reader.position()).unwrap_or_default());
                kept = i32::saturating_add(kept, 1);
            } else {
                self.cut = true;
            }
        }
        put_i32(&mut self.out, kept);
        self.out.extend_from_slice(&elements);
        Ok(())
    }

    fn topic_partitions(&mut self) -> Result<&'a str, Malformed> {
        let topic = self.reader.string()?;
        let partitions = self.reader.plain_length()?.ok_or(Malformed::NullNotAllowed)?;
        self.reader.skip(partitions.saturating_mul(4))?;
        Ok(topic)
    }

    /// What an assignor adds for itself. It stays where it is known to name no topic that is refused.
    fn user_data(&mut self) -> Result<(), Malformed> {
        let Some(length) = self.reader.plain_length()? else {
            put_i32(&mut self.out, -1);
            return Ok(());
        };
        let data = self.reader.take(length)?;
        if self.is_seen(data) {
            put_i32(&mut self.out, i32::try_from(length).unwrap_or(i32::MAX));
            self.out.extend_from_slice(data);
        } else {
            put_i32(&mut self.out, -1);
            self.cut = true;
        }
        Ok(())
    }

    /// Nothing, a generation (as the cooperative sticky assignor writes), or the previous assignment (as the sticky one).
    fn is_seen(&self, data: &[u8]) -> bool {
        let is_generation = |reader: &Reader<'_>| matches!(reader.remaining(), 0 | 4);
        let mut reader = Reader::new(data);
        if is_generation(&reader) {
            return true;
        }
        let mut inner = Copy { bytes: data, reader, out: Vec::new(), may_see: &self.may_see, cut: false };
        let read = inner.elements(Copy::topic_partitions);
        reader = inner.reader;
        read.is_ok() && !inner.cut && is_generation(&reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(out: &mut Vec<u8>, text: &str) {
        put_nullable_string(out, Some(text));
    }

    fn held(topics: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        put_i32(&mut out, i32::try_from(topics.len()).unwrap());
        for topic in topics {
            text(&mut out, topic);
            [2, 0, 1].iter().for_each(|number| put_i32(&mut out, *number));
        }
        out
    }

    fn user_data(out: &mut Vec<u8>, data: Option<&[u8]>) {
        put_i32(out, data.map_or(-1, |data| i32::try_from(data.len()).unwrap()));
        out.extend_from_slice(data.unwrap_or_default());
    }

    /// A subscription of any version, with the same topics wherever there are some.
    fn written(version: i16, topics: &[&str], data: Option<&[u8]>) -> Bytes {
        let mut out = Vec::new();
        put_i16(&mut out, version);
        put_i32(&mut out, i32::try_from(topics.len()).unwrap());
        topics.iter().for_each(|topic| text(&mut out, topic));
        user_data(&mut out, data);
        if version >= 1 {
            out.extend(held(topics));
        }
        if version >= 2 {
            put_i32(&mut out, 7);
        }
        if version >= 3 {
            text(&mut out, "rack");
        }
        out.into()
    }

    fn assigned(topics: &[&str], data: Option<&[u8]>) -> Bytes {
        let mut out = vec![0, 1];
        out.extend(held(topics));
        user_data(&mut out, data);
        out.into()
    }

    fn may_see(topic: &str) -> bool {
        topic.starts_with("public")
    }

    #[test]
    fn trap_l10_refused_topics_are_cut_wherever_a_member_names_them() {
        for version in 0..=NEWEST {
            let shown = subscription(&written(version, &["public.a", "hidden", "public.b"], None), may_see);
            assert_eq!(shown, written(version, &["public.a", "public.b"], None), "version {version}");
        }
        assert_eq!(assignment(&assigned(&["hidden", "public.a"], None), may_see), assigned(&["public.a"], None));
    }

    #[test]
    fn what_names_no_refused_topic_stays_as_it_is() {
        let sticky = [held(&["public.a"]), vec![0, 0, 0, 9]].concat();
        for data in [None, Some(&[][..]), Some(&[0, 0, 0, 3]), Some(&sticky[..]), Some(&sticky[..sticky.len() - 4])] {
            for version in 0..=NEWEST {
                let whole = written(version, &["public.a"], data);
                assert_eq!(subscription(&whole, may_see), whole);
            }
            let whole = assigned(&["public.a"], data);
            assert_eq!(assignment(&whole, may_see), whole);
        }
        assert_eq!(subscription(&Bytes::new(), may_see), Bytes::new());
        // Version 1 without owned partitions, as some clients write it.
        let short = written(0, &["public.a"], None);
        let short = Bytes::from([&[0, 1], &short[2..]].concat());
        assert_eq!(subscription(&short, may_see), short);
    }

    #[test]
    fn trap_l10_what_an_assignor_adds_is_cut_unless_it_is_understood() {
        let sticky = held(&["public.a", "hidden"]);
        for data in [&b"hidden"[..], &sticky] {
            assert_eq!(subscription(&written(3, &["public.a"], Some(data)), may_see), written(3, &["public.a"], None));
            assert_eq!(assignment(&assigned(&["public.a"], Some(data)), may_see), assigned(&["public.a"], None));
        }
    }

    #[test]
    fn trap_l10_what_is_not_understood_to_its_end_is_not_shown() {
        let whole = written(3, &["public.a", "hidden"], None);
        let longer = Bytes::from([&whole[..], b"hidden"].concat());
        let newer = Bytes::from([&[0, 4], &whole[2..]].concat());
        let older = Bytes::from([&[0xff, 0xff], &whole[2..]].concat());
        for strange in [longer, newer, older, Bytes::from_static(&[0, 0, 0x7f, 0xff, 0xff, 0xff])] {
            assert_eq!(subscription(&strange, may_see), Bytes::new());
            assert_eq!(assignment(&strange, may_see), Bytes::new());
        }
        let held = assigned(&["public.a"], None);
        assert!((1..held.len()).all(|end| assignment(&held.slice(..end), may_see).is_empty()));
    }
}
