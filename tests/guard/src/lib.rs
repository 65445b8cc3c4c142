//! The committed figures, what the CHANGELOG says of them, and the rule between them and what was counted.
//!
//! A figure may move by 5 % either way. Beyond that a person decides: makes it cheap again, or commits the new figure
//! and says why in the CHANGELOG. One that fell is committed too, so that the room does not add up.
//! Must never: run anything, or write a reason.

mod changelog;
mod figures;

pub use changelog::unexplained;
pub use figures::{Figures, moved};

/// Digits in groups of three, as the CHANGELOG writes them.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
