//! A receiver that accepts posts, but answers every 17th request 500, and hangs up on every 101st after accepting it.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

const FAILED_EVERY: usize = 17;
const DROPPED_EVERY: usize = 101;
const ANSWER: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
struct State {
    requests: usize,
    /// Changes that were told, in order, repeats included.
    told: Vec<usize>,
    distinct: HashSet<usize>,
    dropped: usize,
    /// The plain text of what was accepted.
    texts: Vec<String>,
    answering: usize,
}

/// The receiver; it listens until the process ends.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let server = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let server = server.clone();
                std::thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        receiver
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }

    /// Posts accepted, repeats included.
    pub fn accepted(&self) -> usize {
        self.state().told.len()
    }

    /// Different changes that were told.
    pub fn distinct(&self) -> usize {
        self.state().distinct.len()
    }

    /// Changes that were told, in order, repeats included.
    pub fn told(&self) -> Vec<usize> {
        self.state().told.clone()
    }

    /// The plain text of each accepted post, in order.
    pub fn texts(&self) -> Vec<String> {
        self.state().texts.clone()
    }

    /// Accepted requests that were never answered.
    pub fn dropped(&self) -> usize {
        self.state().dropped
    }

    /// Waits until a request was read that is not answered yet.
    pub fn wait_answering(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.state().answering == 0 {
            assert!(Instant::now() < deadline, "no request comes");
            std::thread::yield_now();
        }
    }

    /// Waits until the number of accepted posts fits; `fits` may ask the receiver more.
    pub fn wait(&self, patience: Duration, fits: impl Fn(usize) -> bool) {
        let deadline = Instant::now() + patience;
        while !fits(self.accepted()) {
            assert!(Instant::now() < deadline, "{} accepted, {} changes told", self.accepted(), self.distinct());
            let state = self.state();
            drop(self.state.1.wait_timeout(state, Duration::from_millis(50)).unwrap());
        }
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(body) = request(&mut reader) {
            let answer = {
                let mut state = self.state();
                state.requests += 1;
                state.answering += 1;
                let number = state.requests;
                if number.is_multiple_of(FAILED_EVERY) {
                    Some("HTTP/1.1 500 Told\r\ncontent-length: 0\r\n\r\n")
                } else {
                    let text = text(&body);
                    // A digest tells none.
                    let change = told(&text).unwrap_or(usize::MAX);
                    state.texts.push(text);
                    state.told.push(change);
                    state.distinct.insert(change);
                    let dropped = number.is_multiple_of(DROPPED_EVERY);
                    state.dropped += usize::from(dropped);
                    (!dropped).then_some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                }
            };
            // As long as an answer takes to come from nearby.
            std::thread::sleep(ANSWER);
            let sent = answer.is_some_and(|answer| stream.write_all(answer.as_bytes()).is_ok());
            self.state().answering -= 1;
            self.state.1.notify_all();
            if !sent {
                return;
            }
        }
    }
}

fn text(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    json["text"].as_str().unwrap().to_owned()
}

/// Which change a post tells: its headline is the new value.
fn told(text: &str) -> Option<usize> {
    text.split("change ").nth(1)?.split(' ').next()?.parse().ok()
}

/// The next request's body; nothing when the client is gone.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
