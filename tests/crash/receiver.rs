//! A stand-in for Slack, Teams or a webhook's receiver: accepts posts, remembers them, and fails as it was told to.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What goes wrong: one request in so many, counted from the start; zero is never.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Answered 500.
    pub failed: usize,
    /// Accepted, and the connection is closed without an answer.
    pub dropped: usize,
    /// Answered 429 with `Retry-After: 1`.
    pub told_to_wait: usize,
    /// Answered 429 without saying when.
    pub limited: usize,
    /// How long an answer takes.
    pub answer: Duration,
}

impl Faults {
    /// As long as an answer takes to come from nearby.
    pub const NONE: Self =
        Self { failed: 0, dropped: 0, told_to_wait: 0, limited: 0, answer: Duration::from_millis(5) };
    /// Every 17th request fails, every 101st is accepted and not answered.
    pub const SOME: Self = Self { failed: 17, dropped: 101, ..Self::NONE };
    /// And now and then there is too much of it.
    pub const ALL: Self = Self { told_to_wait: 397, limited: 149, ..Self::SOME };
}

/// An accepted post.
#[derive(Debug, Clone)]
pub struct Post {
    pub at: Instant,
    /// Who posted it: the path of the request, which names the replica.
    pub by: String,
    /// The change it tells; a digest tells none.
    pub told: Option<usize>,
    /// Changes that it shows and counts.
    pub stands_for: usize,
    pub body: Arc<str>,
    /// It was not answered.
    pub dropped: bool,
}

#[derive(Debug, Default)]
struct State {
    requests: usize,
    posts: Vec<Post>,
    answering: usize,
    /// No answer leaves.
    held: bool,
    /// Nothing is accepted.
    down: bool,
    refused: usize,
}

/// The receiver; it listens until the process ends.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    faults: Faults,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Receiver {
    pub fn start(faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), faults, state: Arc::default() };
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

    /// Posts accepted so far, repeats included.
    pub fn accepted(&self) -> usize {
        self.state().posts.len()
    }

    /// What was accepted, in order.
    pub fn posts(&self) -> Vec<Post> {
        self.state().posts.clone()
    }

    /// Requests that were refused.
    pub fn refused(&self) -> usize {
        self.state().refused
    }

    /// Is there a request that was read and not answered yet?
    pub fn is_answering(&self) -> bool {
        self.state().answering > 0
    }

    /// Reads a request and leaves it without its answer, until [`Receiver::let_go`].
    pub fn hold(&self, patience: Duration) {
        self.state().held = true;
        let deadline = Instant::now() + patience;
        while !self.is_answering() {
            assert!(Instant::now() < deadline, "no request comes");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Answers leave again.
    pub fn let_go(&self) {
        self.state().held = false;
        self.state.1.notify_all();
    }

    /// From now on every request is answered 503, or none is.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Waits until what was accepted fits.
    pub fn wait(&self, patience: Duration, fits: impl Fn(&[Post]) -> bool) {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        while !fits(&state.posts) {
            assert!(Instant::now() < deadline, "{} posts accepted, and nothing more comes", state.posts.len());
            state = self.state.1.wait_timeout(state, Duration::from_millis(100)).unwrap().0;
        }
    }

    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some((path, body)) = request(&mut reader) {
            let answer = self.take(path, &body);
            std::thread::sleep(self.faults.answer);
            drop(self.state.1.wait_while(self.state(), |state| state.held).unwrap());
            let sent = answer.is_some_and(|answer| stream.write_all(answer.as_bytes()).is_ok());
            self.state().answering -= 1;
            self.state.1.notify_all();
            if !sent {
                return;
            }
        }
    }

    fn take(&self, path: String, body: &str) -> Option<&'static str> {
        let mut state = self.state();
        state.requests += 1;
        state.answering += 1;
        let number = state.requests;
        let is_one_in = |every: usize| every > 0 && number.is_multiple_of(every);
        let refusal = if state.down {
            Some("HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n")
        } else if is_one_in(self.faults.failed) {
            Some("HTTP/1.1 500 Told\r\ncontent-length: 0\r\n\r\n")
        } else if is_one_in(self.faults.told_to_wait) {
            Some("HTTP/1.1 429 Later\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
        } else if is_one_in(self.faults.limited) {
            Some("HTTP/1.1 429 Later\r\ncontent-length: 0\r\n\r\n")
        } else {
            None
        };
        if refusal.is_some() {
            state.refused += 1;
            return refusal;
        }
        let dropped = is_one_in(self.faults.dropped);
        let headline = headline(body);
        let told = told(&headline);
        let stands_for = stands_for(&headline, body);
        state.posts.push(Post { at: Instant::now(), by: path, told, stands_for, body: body.into(), dropped });
        self.state.1.notify_all();
        (!dropped).then_some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    }
}

/// The first words of a post, whichever its channel.
fn headline(body: &str) -> String {
    fn first_text(json: &Value) -> Option<&str> {
        match json {
            Value::Object(fields) => {
                fields.get("text").and_then(Value::as_str).or_else(|| fields.values().find_map(first_text))
            }
            Value::Array(items) => items.iter().find_map(first_text),
            _ => None,
        }
    }
    let json: Value = serde_json::from_str(body).unwrap();
    first_text(&json).unwrap_or_else(|| panic!("no headline in {body}")).to_owned()
}

/// Which change a post tells: its headline names the new value.
fn told(headline: &str) -> Option<usize> {
    headline.split("told c").nth(1)?.split(';').next()?.parse().ok()
}

/// How many changes a post shows and counts: a digest says it first, a folded one among its notes.
fn stands_for(headline: &str, body: &str) -> usize {
    let number = |word: &str| word.replace(',', "").parse::<usize>().ok();
    if told(headline).is_none() {
        return headline.split_whitespace().find_map(number).unwrap_or(1);
    }
    let json: Value = serde_json::from_str(body).unwrap();
    if let Some(changes) = json["folded"]["changes"].as_u64() {
        return changes as usize;
    }
    let before = body.split_once(" changes since ").map(|(before, _)| before);
    before.and_then(|before| number(before.rsplit([' ', '"']).next()?)).unwrap_or(1)
}

/// The next request's path and body; nothing when the client is gone.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut path, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path?, String::from_utf8(body).ok()?))
}
