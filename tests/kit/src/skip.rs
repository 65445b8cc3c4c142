//! Tests that a machine cannot run: said loudly, counted, and a failure under `CI=true`.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use crate::paths;

/// Ends the test that it stands in, as skipped. The reason says what the machine lacks and what to type.
///
/// ```no_run
/// # fn test() {
/// # let missing = true;
/// if missing {
///     weir_testkit::skip!("kcat is not installed: apt-get install kcat");
/// }
/// # }
/// ```
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        $crate::skip::note(module_path!(), &format!($($reason)*));
        return;
    }};
}

/// Gives the value of a `Result`, or ends the test as skipped with the error as the reason.
#[macro_export]
macro_rules! require {
    ($needed:expr) => {
        match $needed {
            Ok(value) => value,
            Err(reason) => $crate::skip!("{reason}"),
        }
    };
}

/// Where skips are noted, one a line; `tests/run.sh` counts them.
pub fn file() -> PathBuf {
    paths::target().join("skips")
}

/// What `skip!` does before it returns.
///
/// # Panics
/// Under `CI=true`.
pub fn note(module: &str, reason: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_string();
    assert!(std::env::var("CI").as_deref() != Ok("true"), "a skip is a failure under CI=true: {reason}");
    let line = format!("{module} {test}: {}\n", reason.replace('\n', " "));
    // `eprintln!` would be captured by libtest, and a skip that nobody sees is a hole.
    let _ = std::io::stderr().write_all(format!("SKIPPED {line}").as_bytes());
    fs::create_dir_all(paths::target()).expect("the target directory can be made");
    let mut all = File::options().create(true).append(true).open(file()).expect("target/skips can be written");
    all.write_all(line.as_bytes()).expect("target/skips can be written");
}
