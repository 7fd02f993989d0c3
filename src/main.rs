//! Exit codes, nothing else: 0 fine, 1 it did not work, 2 wrong usage or config.

use std::process::ExitCode;

fn main() -> ExitCode {
    rowbell::cli::main()
}
