//! Which traps have to prove that their test notices a broken guard.
//!
//! Must never: depend on the time or the order of files: everybody draws the same.

use crate::rows::{Row, Shown};

/// So many are drawn.
pub const DRAWN: usize = 20;

/// Changing it draws others.
const SEED: u64 = 0x5745_4952_2d74_7261;

/// The drawn ones among the rows that have a test, in the order of the draw. Each id has its lot whatever other rows say,
/// so a row that gets a test displaces one other at the most.
pub fn draw(rows: &[Row]) -> Vec<&Row> {
    let mut drawn: Vec<&Row> = rows.iter().filter(|row| matches!(row.shown(), Ok(Shown::Test(_)))).collect();
    drawn.sort_by_key(|row| lot(&row.id));
    drawn.truncate(DRAWN);
    drawn
}

/// FNV-1a over the id, begun with the seed, and mixed once more: it is short, and never changes with a library.
fn lot(id: &str) -> u64 {
    let hash = id.bytes().fold(SEED, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 27)
}
