//! A Slack workspace with one channel, behind its Web API: messages, threads, updates, and their history.
//!
//! It behaves as Slack's reference says, and where that is silent as was seen: a reply to a message that is gone becomes a
//! message of the channel, and nobody is told.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// A message as its readers see it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub ts: String,
    /// The message that it replies to.
    pub thread: Option<String>,
    /// A reply that the channel sees, too.
    pub broadcast: bool,
    /// What was sent last: text, blocks, attachments.
    pub body: Value,
    pub metadata: Value,
    /// How often it was updated.
    pub updates: usize,
}

impl Message {
    /// All of its text, to look for words in.
    pub fn text(&self) -> String {
        self.body.to_string()
    }

    fn json(&self, with_metadata: bool) -> Value {
        let mut json = json!({"type": "message", "bot_id": "B0123", "ts": self.ts, "text": self.body["text"]});
        for part in ["blocks", "attachments"] {
            if !self.body[part].is_null() {
                json[part] = self.body[part].clone();
            }
        }
        if let Some(thread) = &self.thread {
            json["thread_ts"] = json!(thread);
        }
        if with_metadata && !self.metadata.is_null() {
            json["metadata"] = self.metadata.clone();
        }
        json
    }
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    counter: u32,
    /// What the history answers instead of messages.
    history: Option<(u16, String)>,
    /// Messages of a page, whatever is asked for.
    page_max: Option<usize>,
}

/// See the module's text.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    state: Arc<Mutex<State>>,
}

impl Workspace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic held it")
    }

    /// What stands in the channel and its threads, in the order in which it came.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// The messages of the channel, threads left out.
    pub fn channel(&self) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.thread.is_none()).collect()
    }

    /// The replies to a message.
    pub fn replies(&self, ts: &str) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.thread.as_deref() == Some(ts)).collect()
    }

    /// Somebody deletes a message.
    pub fn delete(&self, ts: &str) {
        self.state().messages.retain(|message| message.ts != ts);
    }

    /// Somebody else posts something.
    pub fn chat(&self, text: &str) {
        self.call("chat.postMessage", &HashMap::new(), &json!({"text": text}));
    }

    /// The history answers so, until it is told otherwise.
    pub fn history(&self, answer: Option<(u16, &str)>) {
        self.state().history = answer.map(|(status, body)| (status, body.to_owned()));
    }

    /// The history gives no more messages at once.
    pub fn page_max(&self, messages: usize) {
        self.state().page_max = Some(messages);
    }

    /// Answers a call: the status and the body.
    pub fn answer(&self, target: &str, body: &Value) -> (u16, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = path.rsplit('/').next().unwrap_or_default();
        let query: HashMap<_, _> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(answer) = self.state().history.clone().filter(|_| method.starts_with("conversations.")) {
            return answer;
        }
        (200, self.call(method, &query, body).to_string())
    }

    fn call(&self, method: &str, query: &HashMap<String, String>, body: &Value) -> Value {
        let mut state = self.state();
        match method {
            "chat.postMessage" => state.post(body),
            "chat.update" => state.update(body),
            "conversations.history" => state.page(query, |message| message.thread.is_none() || message.broadcast, true),
            "conversations.replies" => {
                let root = query.get("ts").cloned().unwrap_or_default();
                state.page(query, |message| message.ts == root || message.thread.as_ref() == Some(&root), false)
            }
            _ => json!({"ok": false, "error": "unknown_method"}),
        }
    }
}

impl State {
    fn post(&mut self, body: &Value) -> Value {
        self.counter += 1;
        let ts = format!("{}.{:06}", jiff::Timestamp::now().as_second(), self.counter);
        let thread = body["thread_ts"].as_str().filter(|thread| self.messages.iter().any(|m| m.ts == *thread));
        let message = Message {
            ts: ts.clone(),
            thread: thread.map(str::to_owned),
            broadcast: thread.is_some() && body["reply_broadcast"] == true,
            body: body.clone(),
            metadata: body["metadata"].clone(),
            updates: 0,
        };
        let answer = json!({"ok": true, "channel": body["channel"], "ts": ts, "message": message.json(true)});
        self.messages.push(message);
        answer
    }

    fn update(&mut self, body: &Value) -> Value {
        let Some(message) = self.messages.iter_mut().find(|message| body["ts"] == *message.ts) else {
            return json!({"ok": false, "error": "message_not_found"});
        };
        for part in ["text", "blocks", "attachments", "metadata"] {
            if !body[part].is_null() {
                message.body[part] = body[part].clone();
            }
        }
        message.updates += 1;
        json!({"ok": true, "channel": body["channel"], "ts": message.ts, "text": message.body["text"]})
    }

    fn page(&self, query: &HashMap<String, String>, fits: impl Fn(&Message) -> bool, latest_first: bool) -> Value {
        let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100);
        let limit = limit.min(self.page_max.unwrap_or(usize::MAX));
        let bound = |name: &str| query.get(name).map(|ts| order(ts));
        let within = |message: &&Message| {
            let at = order(&message.ts);
            bound("oldest").is_none_or(|oldest| at > oldest) && bound("latest").is_none_or(|latest| at < latest)
        };
        let mut found: Vec<_> = self.messages.iter().filter(|message| fits(message)).filter(within).collect();
        if latest_first {
            found.reverse();
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        let with_metadata = query.get("include_all_metadata").is_some_and(|value| value == "true");
        let messages: Vec<_> = found.into_iter().map(|message| message.json(with_metadata)).collect();
        json!({"ok": true, "messages": messages, "has_more": has_more})
    }
}

fn order(ts: &str) -> (u64, u64) {
    let (seconds, counter) = ts.split_once('.').unwrap_or((ts, "0"));
    (seconds.parse().expect("seconds"), counter.parse().expect("a counter"))
}
