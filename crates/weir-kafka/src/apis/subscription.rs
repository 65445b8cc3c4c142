//! The subscription that a consumer puts into JoinGroup, as far as it names topics.
//!
//! To brokers it is opaque in a classic group. In a group of the consumer protocol they read the names and assign
//! partitions by them, with Weir's rights: a name that is refused must not go up (traps L10, L14).
//! Must never: look further than the list of names; what stands behind it is for the group's own members.

use bytes::Bytes;

use crate::wire::{Malformed, Reader, put_i16, put_i32};

/// The subscription without the names that are refused; the same bytes where none is.
pub(super) fn granted_only(subscription: &Bytes, mut is_granted: impl FnMut(&str) -> bool) -> Result<Bytes, Malformed> {
    // Members that say nothing of topics send nothing.
    if subscription.is_empty() {
        return Ok(Bytes::new());
    }
    let mut reader = Reader::new(subscription);
    let version = reader.i16()?;
    let names = reader.plain_length()?.ok_or(Malformed::NullNotAllowed)?;
    // A name has two bytes at least: its length.
    if names > reader.remaining() {
        return Err(Malformed::LengthPastEnd);
    }
    let mut granted = Vec::new();
    for _ in 0..names {
        granted.extend(Some(reader.string()?).filter(|name| is_granted(name)));
    }
    if granted.len() == names {
        return Ok(subscription.clone());
    }
    let mut out = Vec::with_capacity(subscription.len());
    put_i16(&mut out, version);
    put_i32(&mut out, i32::try_from(granted.len()).unwrap_or(i32::MAX));
    for name in granted {
        put_i16(&mut out, i16::try_from(name.len()).unwrap_or(i16::MAX));
        out.extend_from_slice(name.as_bytes());
    }
    out.extend_from_slice(subscription.get(reader.position()..).unwrap_or_default());
    Ok(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1: names, no user data, no owned partitions.
    fn subscription(names: &[&str]) -> Bytes {
        let mut out = vec![0, 1];
        put_i32(&mut out, i32::try_from(names.len()).unwrap());
        for name in names {
            put_i16(&mut out, i16::try_from(name.len()).unwrap());
            out.extend_from_slice(name.as_bytes());
        }
        out.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        Bytes::from(out)
    }

    #[test]
    fn trap_l14_refused_names_are_cut_and_the_rest_is_kept() {
        let granted = |name: &str| name.starts_with("public");
        let cut = granted_only(&subscription(&["public.a", "hidden", "public.b"]), granted).unwrap();
        assert_eq!(cut, subscription(&["public.a", "public.b"]));
        let same = subscription(&["public.a"]);
        assert_eq!(granted_only(&same, granted).unwrap(), same);
        assert_eq!(granted_only(&Bytes::new(), granted).unwrap(), Bytes::new());
    }

    #[test]
    fn hostile_p12_a_subscription_that_is_none_is_refused() {
        let whole = subscription(&["public.a", "hidden"]);
        for end in 1..whole.len() - 8 {
            assert!(granted_only(&whole.slice(..end), |_| true).is_err(), "cut at {end}");
        }
        for count in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff]] {
            let bomb = [&[0, 0][..], &count].concat();
            assert!(granted_only(&Bytes::from(bomb), |_| true).is_err());
        }
    }
}
