//! A reader that goes away before a command has said all, as in `weir doctor | head`: the command ends without a word.
//!
//! Must never: keep any other panic quiet.

use std::panic;

/// What `println!` panics with where nobody reads any more. A test holds the words.
const GONE: &str = "failed printing to stdout: Broken pipe";

/// From now on.
pub(crate) fn may_go_away() {
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_gone = info.payload().downcast_ref::<String>().is_some_and(|why| why.starts_with(GONE));
        if !is_gone {
            others(info);
        }
    }));
}
