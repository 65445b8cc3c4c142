//! The `weir` binary. Its commands are in `lib.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir::main()
}
