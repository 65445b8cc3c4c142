//! Numbers and booleans that are written as such: `20` and `true`, not `"20"` and `yes`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Reads the value of a key that may be left out but, where it stands, has a value: `cidrs:` with every network commented
/// out is not "no limit". Wants `#[serde(default)]` beside it.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A whole number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) u32);

/// True or false.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 4294967295")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        let unexpected = serde::de::Unexpected::Unsigned(value);
        u32::try_from(value).map(Number).map_err(|_| E::invalid_value(unexpected, &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        let unexpected = serde::de::Unexpected::Signed(value);
        u32::try_from(value).map(Number).map_err(|_| E::invalid_value(unexpected, &self))
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }
}
