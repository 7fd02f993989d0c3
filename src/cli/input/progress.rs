//! How far long work is, on a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two drawings.
const PERIOD: Duration = Duration::from_millis(200);

/// What is over sooner shows nothing.
const QUIET: Duration = Duration::from_millis(500);

/// One line on stderr that is drawn over and over; nothing where stderr is no terminal.
pub struct Progress {
    /// `None` where nobody looks.
    out: Option<Box<dyn Write>>,
    total: Option<u64>,
    count: u64,
    /// What was done to what is counted.
    done: &'static str,
    began: Instant,
    due: Instant,
    drawn: bool,
}

impl Progress {
    /// On stderr, where that is a terminal. `total` is where known how many there will be.
    pub fn on_terminal(total: Option<u64>) -> Self {
        let stderr = std::io::stderr();
        let out = stderr.is_terminal().then(|| Box::new(stderr) as Box<dyn Write>);
        Self::new(out, total)
    }

    /// The same for letters that are replayed.
    pub fn of_replay(total: u64) -> Self {
        let mut progress = Self::on_terminal(Some(total));
        progress.done = "letters replayed";
        progress
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self::new(None, None)
    }

    fn new(out: Option<Box<dyn Write>>, total: Option<u64>) -> Self {
        let began = Instant::now();
        Self { out, total, count: 0, done: "records read", began, due: began + QUIET, drawn: false }
    }

    /// One more.
    pub fn count(&mut self) {
        match self.out {
            Some(_) => self.count_at(Instant::now()),
            None => self.count += 1,
        }
    }

    fn count_at(&mut self, now: Instant) {
        self.count += 1;
        if now >= self.due {
            self.due = now + PERIOD;
            self.draw(now);
        }
    }

    fn draw(&mut self, now: Instant) {
        let text = line(self.count, self.total, self.done, now - self.began);
        if let Some(out) = &mut self.out {
            // A terminal that is gone shows nothing; the work goes on.
            let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
            self.drawn = true;
        }
    }

    /// Takes the line away before something else is written to the terminal.
    pub fn hide(&mut self) {
        if std::mem::take(&mut self.drawn)
            && let Some(out) = &mut self.out
        {
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

/// `1200 of 5000 records read, 800 a second`
fn line(count: u64, total: Option<u64>, done: &str, elapsed: Duration) -> String {
    let rate = count as f64 / elapsed.as_secs_f64().max(0.001);
    match total.filter(|total| *total >= count) {
        Some(total) => format!("{count} of {total} {done}, {rate:.0} a second"),
        None => format!("{count} {done}, {rate:.0} a second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn is_drawn_when_due_and_leaves_nothing_behind() {
        let screen = Screen::default();
        let mut progress = Progress::new(Some(Box::new(screen.clone())), Some(9));
        let (began, moment) = (progress.began, Duration::from_millis(1));
        progress.count_at(began + QUIET - moment);
        assert!(screen.0.lock().expect("no panic").is_empty(), "too early to say anything");
        progress.count_at(began + QUIET);
        progress.count_at(began + QUIET + PERIOD - moment);
        drop(progress);
        let shown = String::from_utf8(screen.0.lock().expect("no panic").clone()).expect("UTF-8");
        let rate = 2.0 / QUIET.as_secs_f64();
        assert_eq!(shown, format!("\r\x1b[K2 of 9 records read, {rate:.0} a second\r\x1b[K"));
    }

    #[test]
    fn says_how_many_of_how_many() {
        let second = Duration::from_secs(2);
        assert_eq!(line(1200, Some(5000), "records read", second), "1200 of 5000 records read, 600 a second");
        // A topic that is followed has more than it had at the start.
        assert_eq!(line(6, Some(5), "records read", second), "6 records read, 3 a second");
        assert_eq!(line(6, None, "letters replayed", second), "6 letters replayed, 3 a second");
    }
}
