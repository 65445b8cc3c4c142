//! Counting plaintext without decrypting it: by the headers of TLS 1.3 records.

use std::io;

use crate::fetch::unexpected;

/// A TLS record's header.
pub const HEADER: usize = 5;
/// What a record holds beside its plaintext: the content type and the tag.
pub const EXTRA: usize = 17;
const APPLICATION_DATA: u8 = 23;

/// What came on one connection.
pub struct Records {
    /// Bytes of plaintext, in records that are whole.
    pub plaintext: u64,
    is_tls: bool,
    header: Vec<u8>,
    /// Bytes of the record that are still to come.
    left: usize,
}

impl Records {
    /// Of a connection, with TLS or without.
    pub fn new(is_tls: bool) -> Self {
        Self { plaintext: 0, is_tls, header: Vec::with_capacity(HEADER), left: 0 }
    }

    /// Counts bytes as they came. Plaintext counts when the last byte of its record is there.
    pub fn count(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if !self.is_tls {
            self.plaintext += bytes.len() as u64;
            return Ok(());
        }
        while !bytes.is_empty() {
            let now = bytes.len().min(if self.left > 0 { self.left } else { HEADER - self.header.len() });
            let (taken, rest) = bytes.split_at(now);
            bytes = rest;
            if self.left == 0 {
                self.header.extend_from_slice(taken);
                self.begin()?;
            } else {
                self.left -= now;
                if self.left == 0 {
                    self.end();
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let Some(header) = self.header.first_chunk::<HEADER>() else { return Ok(()) };
        self.left = length(*header)?;
        Ok(())
    }

    fn end(&mut self) {
        if let [_, _, _, high, low] = self.header[..] {
            self.plaintext += u64::from(u16::from_be_bytes([high, low])) - EXTRA as u64;
        }
        self.header.clear();
    }
}

/// The length of a record of application data, `EXTRA` included.
pub fn length([kind, _, _, high, low]: [u8; HEADER]) -> io::Result<usize> {
    let length = usize::from(u16::from_be_bytes([high, low]));
    if kind != APPLICATION_DATA || length <= EXTRA {
        return Err(unexpected(&format!("a TLS record of type {kind} and {length} bytes")));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(plaintext: usize) -> Vec<u8> {
        let length = u16::try_from(plaintext + EXTRA).unwrap();
        let mut record = vec![APPLICATION_DATA, 3, 3];
        record.extend_from_slice(&length.to_be_bytes());
        record.resize(HEADER + usize::from(length), 0);
        record
    }

    #[test]
    fn plaintext_counts_when_its_record_is_whole_however_it_comes() {
        let wire = [record(1000), record(1), record(16_384)].concat();
        for piece in [1, 4, 5, 7, 1022, wire.len()] {
            let mut records = Records::new(true);
            for bytes in wire[..wire.len() - 1].chunks(piece) {
                records.count(bytes).unwrap();
            }
            assert_eq!(records.plaintext, 1001);
            records.count(&wire[wire.len() - 1..]).unwrap();
            assert_eq!(records.plaintext, 17_385);
        }
    }

    #[test]
    fn an_alert_is_no_answer() {
        assert!(Records::new(true).count(&[21, 3, 3, 0, 19]).is_err());
    }
}
