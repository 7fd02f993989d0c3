//! A stand-in for Slack, Teams, a webhook's receiver and a proxy, which answers each request as it was told.
//!
//! Written on plain sockets: only so can it read a request and hang up.

use super::slack::Workspace;
use super::until;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// An answer: status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, &'static str),
    /// 200 `ok`, after [`Receiver::release`].
    Hold,
    /// Read, then the connection breaks: accepted, and nobody was told.
    HangUp,
    /// Read, then the connection breaks before anything was done.
    Drop,
}

impl Step {
    /// An answer without further headers.
    pub fn status(status: u16, body: &'static str) -> Self {
        Step::Answer(status, Vec::new(), body)
    }

    /// A 429 that says when to come back.
    pub fn wait(seconds: u64) -> Self {
        Step::Answer(429, vec![("retry-after", seconds.to_string())], "")
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The request line's target: a path, or a whole URL where we are taken for a proxy.
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Value,
    pub at: Instant,
    /// The status it was answered with; 0 where it was not.
    pub status: u16,
}

impl Arrival {
    /// All of its text, to look for words in.
    pub fn text(&self) -> String {
        self.body.to_string()
    }
}

#[derive(Default)]
struct State {
    /// What to do next, by a part of the target; without one, 200 `ok`.
    scripts: HashMap<String, VecDeque<Step>>,
    /// What to do when the script is over.
    always: HashMap<String, Step>,
    arrivals: Vec<Arrival>,
}

/// The receiver; it lives as long as the test's runtime.
#[derive(Clone)]
pub struct Receiver {
    pub address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    released: watch::Sender<usize>,
    /// What answers where the target is a method of Slack's Web API, `/api/...`.
    pub slack: Workspace,
}

impl Receiver {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let receiver =
            Self { address, state: Arc::default(), released: watch::channel(0).0, slack: Workspace::default() };
        let server = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        receiver
    }

    /// The next requests whose target holds `part` are treated so; later ones are accepted.
    pub fn script(&self, part: &str, steps: impl IntoIterator<Item = Step>) {
        self.state.lock().expect("no panic held it").scripts.entry(part.to_owned()).or_default().extend(steps);
    }

    /// Every request whose target holds `part` is treated so, until it is told otherwise.
    pub fn always(&self, part: &str, step: Option<Step>) {
        let mut state = self.state.lock().expect("no panic held it");
        match step {
            Some(step) => state.always.insert(part.to_owned(), step),
            None => state.always.remove(part),
        };
    }

    /// Every request whose target holds `part` is held, those that follow one given up by its client, too.
    pub fn hold(&self, part: &str) {
        self.always(part, Some(Step::Hold));
    }

    /// Ends [`Self::hold`].
    pub fn let_go(&self, part: &str) {
        self.always(part, None);
        self.release();
    }

    /// Lets go the requests that are held now.
    pub fn release(&self) {
        self.released.send_modify(|count| *count += 1);
    }

    /// Requests whose target holds `part`, in the order they came.
    pub fn arrivals(&self, part: &str) -> Vec<Arrival> {
        let state = self.state.lock().expect("no panic held it");
        state.arrivals.iter().filter(|arrival| arrival.target.contains(part)).cloned().collect()
    }

    /// Requests that were accepted.
    pub fn accepted(&self, part: &str) -> Vec<Arrival> {
        self.arrivals(part).into_iter().filter(|arrival| arrival.status == 200).collect()
    }

    /// Waits for so many requests.
    pub async fn until_arrived(&self, part: &str, count: usize) -> Vec<Arrival> {
        let what = format!("{count} requests for {part}");
        until(&what, async || Some(self.arrivals(part)).filter(|found| found.len() >= count)).await
    }

    /// How many requests were accepted.
    pub fn accepted_count(&self, part: &str) -> usize {
        let state = self.state.lock().expect("no panic held it");
        state.arrivals.iter().filter(|arrival| arrival.status == 200 && arrival.target.contains(part)).count()
    }

    /// Waits for so many accepted requests.
    pub async fn until_accepted(&self, part: &str, count: usize) -> Vec<Arrival> {
        let what = format!("{count} posts accepted by {part}");
        until(&what, async || (self.accepted_count(part) >= count).then(|| self.accepted(part))).await
    }

    /// What it was told to do; else it accepts.
    fn step(&self, target: &str) -> Option<Step> {
        let mut state = self.state.lock().expect("no panic held it");
        let scripted =
            state.scripts.iter_mut().find(|(part, steps)| target.contains(part.as_str()) && !steps.is_empty());
        if let Some((_, steps)) = scripted
            && let Some(step) = steps.pop_front()
        {
            return Some(step);
        }
        let always = state.always.iter().find(|(part, _)| target.contains(part.as_str()));
        always.map(|(_, step)| step.clone())
    }

    /// What a request that is accepted is answered.
    fn accept(&self, target: &str, body: &Value) -> (u16, Vec<(&'static str, String)>, String) {
        let (status, text) =
            if target.contains("/api/") { self.slack.answer(target, body) } else { (200, "ok".to_owned()) };
        (status, Vec::new(), text)
    }

    async fn serve(&self, mut stream: TcpStream) {
        while let Some((target, headers, body)) = read_request(&mut stream).await {
            let step = self.step(&target);
            let mut released = self.released.subscribe();
            let before = *released.borrow_and_update();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let index = {
                let mut state = self.state.lock().expect("no panic held it");
                let (target, body) = (target.clone(), body.clone());
                state.arrivals.push(Arrival { target, headers, body, at: Instant::now(), status: 0 });
                state.arrivals.len() - 1
            };
            let (status, extra, text) = match step {
                None => self.accept(&target, &body),
                Some(Step::Answer(status, extra, text)) => (status, extra, text.to_owned()),
                Some(Step::Drop) => return,
                Some(Step::HangUp) => {
                    self.accept(&target, &body);
                    return;
                }
                Some(Step::Hold) => {
                    // The client may give up first.
                    let mut byte = [0];
                    tokio::select! {
                        _ = released.wait_for(|count| *count > before) => {}
                        _ = stream.read(&mut byte) => return,
                    }
                    self.accept(&target, &body)
                }
            };
            let mut answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\n", text.len());
            extra.iter().for_each(|(name, value)| answer += &format!("{name}: {value}\r\n"));
            answer += &format!("\r\n{text}");
            // Before it is sent: whoever sees the answer's effects must find it here.
            self.state.lock().expect("no panic held it").arrivals[index].status = status;
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

type Request = (String, HashMap<String, String>, Vec<u8>);

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((target, headers, body))
}

/// Time between two arrivals.
pub fn between(first: &Arrival, second: &Arrival) -> Duration {
    second.at.duration_since(first.at)
}
