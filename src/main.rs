//! Exit codes, nothing else: 0 fine, 1 it did not work, 2 wrong usage or config.

use std::process::ExitCode;

/// The poller's thread allocates changes, the engine's and the runtime's free them: with glibc's allocator they wait for each
/// other's arena, in a storm for a quarter of the engine's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rowbell::cli::main()
}
