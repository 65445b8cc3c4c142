//! Cases as a file: what a test hands to `under-cap`.
//!
//! A case is ten bytes of numbers and a frame. Written and read by this module alone.

use std::io::{self, Read, Write};

use crate::through::Direction;

/// One frame, and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Whether it must pass, or be refused.
    pub must_pass: bool,
    /// Who sends it.
    pub direction: Direction,
    /// The API.
    pub key: i16,
    /// The version.
    pub version: i16,
    /// The whole frame, its length prefix included.
    pub frame: Vec<u8>,
}

impl Case {
    /// Writes the case.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&[u8::from(self.must_pass), u8::from(self.direction == Direction::Response)])?;
        out.write_all(&self.key.to_be_bytes())?;
        out.write_all(&self.version.to_be_bytes())?;
        out.write_all(&u32::try_from(self.frame.len()).map_err(io::Error::other)?.to_be_bytes())?;
        out.write_all(&self.frame)
    }

    /// Reads the next case; none at the end.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut first = [0; 1];
        if from.read(&mut first)? == 0 {
            return Ok(None);
        }
        let mut numbers = [0; 9];
        from.read_exact(&mut numbers)?;
        let [direction, k0, k1, v0, v1, l0, l1, l2, l3] = numbers;
        let mut frame = vec![0; u32::from_be_bytes([l0, l1, l2, l3]) as usize];
        from.read_exact(&mut frame)?;
        Ok(Some(Self {
            must_pass: first == [1],
            direction: if direction == 1 { Direction::Response } else { Direction::Request },
            key: i16::from_be_bytes([k0, k1]),
            version: i16::from_be_bytes([v0, v1]),
            frame,
        }))
    }
}
