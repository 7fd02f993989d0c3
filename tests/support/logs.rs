//! Every log line of this process, kept.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};

static STARTED: Once = Once::new();
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Keep;

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().expect("no panic held it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged from now on, down to debug; the first call counts.
pub fn keep() {
    STARTED.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::new("debug,librdkafka=warn,rdkafka=warn");
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Keep);
        subscriber.init();
    });
}

/// All lines so far.
pub fn all() -> Arc<str> {
    String::from_utf8_lossy(&LINES.lock().expect("no panic held it")).into()
}

/// The lines that a service shows by default.
pub fn above_debug() -> String {
    all().lines().filter(|line| !line.contains(" DEBUG ")).map(|line| format!("{line}\n")).collect()
}
