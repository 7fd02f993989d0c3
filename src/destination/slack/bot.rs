//! A channel by bot token: messages, threads and updates.
//!
//! Without `thread_by` and `update` every post is one chat.postMessage. With them, a row's first post is a message of the
//! channel; what follows updates it, replies to it, or both, in this order: an update may be made twice, a reply not, so
//! that whatever fails is made again as a whole. Where the message is gone, the post becomes the row's first again.
//!
//! Every message carries ids in its metadata, which the whole workspace may read: the post's, and a keyed hash of the row.
//! By these a post whose answer was lost is found, and a row's message after a restart or from another replica.

use super::answers::{self, Said};
use super::history::{self, History};
use super::memory::{Doubt, Memory, RowHash, Ts};
use super::{EVENT_TYPE, answers::Echo};
use crate::destination::answer::{Answer, Look, Meaning, Verdict};
use crate::destination::http::{Call, Http, POST_TIMEOUT};
use crate::destination::{Errand, SlackBot};
use crate::message::slack::latest;
use crate::outbox::Outcome;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest time for looking into the history, out of [`POST_TIMEOUT`]: the rest is for the post.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// A lane waits so long at most before the history may be asked, where a post may appear twice; else it is posted again.
const HOLD_MAX: Duration = Duration::from_secs(5);

/// A history that fails is not asked at leisure for so long.
const PAUSE: Duration = Duration::from_secs(30);

/// Pages read to find one post: it must be among the latest messages.
const PAGES_TO_FIND: u32 = 5;

/// See the module's text.
#[derive(Debug)]
pub(in crate::destination) struct Channel {
    name: Box<str>,
    bot: SlackBot,
    memory: Mutex<Memory>,
    /// Whoever reads the history.
    reading: tokio::sync::Mutex<()>,
}

/// How one request ended.
struct Ended {
    meaning: Meaning,
    verdict: Verdict,
    said: Option<Said>,
}

impl Channel {
    pub(in crate::destination) fn new(name: &str, bot: &SlackBot) -> Self {
        Self {
            name: name.into(),
            bot: bot.clone(),
            memory: Mutex::new(Memory::new()),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// The body of chat.postMessage for a message of the channel.
    pub(in crate::destination) fn body(&self, errand: &Errand) -> Value {
        let mut body = errand.payload.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("channel".to_owned(), json!(self.bot.channel));
            // A link in a row is not to grow into a preview.
            fields.insert("unfurl_links".to_owned(), json!(false));
            fields.insert("unfurl_media".to_owned(), json!(false));
            let mut ids = json!({"id": errand.id});
            if let Some(row) = self.row(errand) {
                ids["row"] = json!(format!("{:032x}", u128::from_be_bytes(row)));
            }
            fields.insert("metadata".to_owned(), json!({"event_type": EVENT_TYPE, "event_payload": ids}));
        }
        body
    }

    pub(in crate::destination) async fn post(&self, http: &Http, errand: &Errand) -> Verdict {
        let began = Instant::now();
        let (deadline, look_until) = (began + POST_TIMEOUT, began + LOOK_TIMEOUT);
        let (row, doubt) = (self.row(errand), self.memory().doubt(&errand.id));
        let mut look = None;
        if let Some(doubt) = doubt {
            match self.find(http, errand, &doubt, row, look_until).await {
                Found::Yes => {
                    let detail = "its answer was lost, but the channel's history holds it";
                    return Verdict { look: Some(Look::Found), ..Verdict::new(Outcome::Delivered, detail) };
                }
                Found::Wait(after) => {
                    return Verdict::new(Outcome::Retry { after: Some(after) }, "the channel's history asks to wait");
                }
                Found::No(said) => look = said,
            }
        }
        if let Some(row) = row
            && let Some(said) = self.catch_up(http, &row, errand.since, look_until).await
        {
            look = Some(said);
        }
        let verdict = self.make(http, errand, row, deadline).await;
        if matches!(verdict.outcome, Outcome::Delivered | Outcome::Rejected) {
            self.memory().settled(&errand.id);
        }
        Verdict { look, ..verdict }
    }

    /// Updates and replies where the row has its message, and makes one where it has none.
    async fn make(&self, http: &Http, errand: &Errand, row: Option<RowHash>, deadline: Instant) -> Verdict {
        let root = row.and_then(|row| Some((row, self.memory().root(&row)?)));
        let Some((row, root)) = root else { return self.say(http, errand, row, None, deadline).await.verdict };
        if self.bot.update {
            let ended = self.update(http, errand, &root, deadline).await;
            match ended.verdict.outcome {
                Outcome::Delivered => {}
                _ if ended.meaning == Meaning::Lost => return self.anew(http, errand, row, &root, deadline).await,
                _ => return ended.verdict,
            }
        }
        // An update calls nobody: what is loud is said as well.
        if !self.bot.thread_by_row && !errand.loud {
            return Verdict::new(Outcome::Delivered, "updated");
        }
        let ended = self.say(http, errand, Some(row), Some(&root), deadline).await;
        match ended.meaning {
            Meaning::Lost => self.anew(http, errand, row, &root, deadline).await,
            _ => ended.verdict,
        }
    }

    /// The row's message is gone: this one takes its place.
    async fn anew(&self, http: &Http, errand: &Errand, row: RowHash, root: &Ts, deadline: Instant) -> Verdict {
        self.memory().lost(&row, root);
        self.say(http, errand, Some(row), None, deadline).await.verdict
    }

    /// chat.postMessage, to the channel or in a thread.
    async fn say(
        &self,
        http: &Http,
        errand: &Errand,
        row: Option<RowHash>,
        thread: Option<&Ts>,
        deadline: Instant,
    ) -> Ended {
        let mut body = self.body(errand);
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread.0);
            body["reply_broadcast"] = json!(errand.loud);
        }
        let sent_s = jiff::Timestamp::now().as_second();
        let mut ended = self.call(http, "chat.postMessage", body.clone(), deadline).await;
        if ended.said.as_ref().is_some_and(Said::refuses_metadata) {
            // Better a message that is not found again than none.
            body.as_object_mut().and_then(|fields| fields.remove("metadata"));
            ended = self.call(http, "chat.postMessage", body, deadline).await;
        }
        match ended.verdict.outcome {
            Outcome::Delivered => {
                if let Some((row, ts)) = row.zip(ended.said.as_ref().and_then(|said| made(said, thread.is_some()))) {
                    self.memory().made(row, ts);
                }
            }
            Outcome::Unknown => self.memory().doubted(&errand.id, sent_s, thread.cloned()),
            Outcome::Retry { .. } | Outcome::Rejected | Outcome::Blocked => {}
        }
        ended
    }

    /// chat.update of the row's message.
    async fn update(&self, http: &Http, errand: &Errand, root: &Ts, deadline: Instant) -> Ended {
        let mut body = latest(&errand.payload, self.bot.thread_by_row, &errand.locale);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("channel".to_owned(), json!(self.bot.channel));
            fields.insert("ts".to_owned(), json!(root.0));
            // What is not sent stays as it was.
            for part in ["blocks", "attachments"] {
                fields.entry(part).or_insert_with(|| json!([]));
            }
            // Its default is "client", which looks for names and links in the text.
            fields.insert("parse".to_owned(), json!("none"));
        }
        let ended = self.call(http, "chat.update", body, deadline).await;
        match ended.verdict.outcome {
            // Made again, it shows the same: nothing can appear twice.
            Outcome::Unknown => Ended {
                verdict: Verdict { outcome: Outcome::Retry { after: None }, ..ended.verdict },
                meaning: Meaning::Retry,
                ..ended
            },
            _ => ended,
        }
    }

    async fn call(&self, http: &Http, method: &str, body: Value, deadline: Instant) -> Ended {
        let url = self.url(method);
        let within = deadline.saturating_duration_since(Instant::now());
        if within.is_zero() {
            let verdict = Verdict::new(Outcome::Retry { after: None }, "no time was left for the request");
            return Ended { meaning: Meaning::Retry, verdict, said: None };
        }
        let call = Call { headers: self.authorization(), within, ..Call::post(&url, body.to_string()) };
        match http.send(call).await {
            Ok(answer) => {
                let (meaning, verdict) = answers::api(&answer);
                Ended { meaning, verdict, said: Said::of(&answer) }
            }
            Err(verdict) => Ended { meaning: Meaning::Unknown, verdict, said: None },
        }
    }

    /// Looks for a post whose answer was lost.
    async fn find(
        &self,
        http: &Http,
        errand: &Errand,
        doubt: &Doubt,
        row: Option<RowHash>,
        deadline: Instant,
    ) -> Found {
        if let Some(wait) = self.memory().wait(Instant::now()) {
            return if wait <= HOLD_MAX { Found::Wait(wait) } else { Found::No(None) };
        }
        let mut gap = history::since(doubt);
        for _ in 0..PAGES_TO_FIND {
            let query = match &doubt.thread {
                Some(root) => history::of_thread(&self.bot.channel, root, doubt),
                None => history::of_channel(&self.bot.channel, &gap),
            };
            let page = match history::read(self.ask(http, &query, deadline).await) {
                History::Page(page) => page,
                History::Wait(wait, look) => {
                    self.memory().held(Instant::now(), wait);
                    let short = wait <= HOLD_MAX && !matches!(look, Look::Denied(_));
                    return if short { Found::Wait(wait) } else { Found::No(Some(look)) };
                }
                History::Failed(look) => return Found::No(Some(look)),
            };
            if let Some(found) = page.messages.iter().find(|message| message.id() == Some(&errand.id)) {
                let mut memory = self.memory();
                memory.settled(&errand.id);
                if let Some(row) = row.filter(|_| doubt.thread.is_none()) {
                    memory.made(row, found.ts());
                }
                return Found::Yes;
            }
            match page.messages.last().filter(|_| page.has_more) {
                None => return Found::No(Some(Look::Read)),
                // A thread begins with its oldest reply: what was sent last is far away.
                Some(_) if doubt.thread.is_some() => break,
                Some(last) => gap.latest = Some(last.ts()),
            }
        }
        Found::No(Some(Look::Failed("too many messages came since".to_owned())))
    }

    /// Reads what others may have posted about rows before `since`, unless this row's message is known.
    async fn catch_up(&self, http: &Http, row: &RowHash, since: Instant, deadline: Instant) -> Option<Look> {
        let _turn = tokio::time::timeout_at(deadline.into(), self.reading.lock()).await.ok()?;
        let mut look = None;
        while Instant::now() < deadline {
            let now_s = jiff::Timestamp::now().as_second();
            let gap = {
                let mut memory = self.memory();
                if memory.root(row).is_some() {
                    break;
                }
                memory.unread(since, Instant::now(), now_s)
            };
            let Some(gap) = gap else { break };
            let query = history::of_channel(&self.bot.channel, &gap);
            match history::read(self.ask(http, &query, deadline).await) {
                History::Page(page) => {
                    let (first, last) = (page.messages.first(), page.messages.last());
                    let (first, last) = (first.map(|message| message.ts()), last.map(|message| message.ts()));
                    self.memory().read(&page.abouts(), first, last, page.has_more);
                    look = Some(Look::Read);
                }
                History::Wait(wait, said) => {
                    self.memory().held(Instant::now(), wait);
                    return Some(said);
                }
                History::Failed(said) => {
                    self.memory().paused(Instant::now(), PAUSE);
                    return Some(said);
                }
            }
        }
        look
    }

    async fn ask(&self, http: &Http, query: &str, deadline: Instant) -> Result<Answer, Verdict> {
        let url = self.url(query);
        let within = deadline.saturating_duration_since(Instant::now());
        let call = Call {
            headers: self.authorization(),
            body: None,
            within,
            answer_bytes_max: history::PAGE_BYTES_MAX,
            ..Call::post(&url, String::new())
        };
        http.send(call).await
    }

    fn url(&self, method: &str) -> SecretString {
        SecretString::from(format!("{}/{method}", self.bot.api_url.trim_end_matches('/')))
    }

    fn authorization(&self) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {}", self.bot.token.expose_secret()))]
    }

    /// The row's hash, where its message is to be found again. The key keeps a number or an address from being guessed
    /// by whoever reads the metadata; the token is the one secret that all replicas share.
    fn row(&self, errand: &Errand) -> Option<RowHash> {
        let row = errand.row.as_ref().filter(|_| self.bot.thread_by_row || self.bot.update)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.bot.token.expose_secret().as_bytes()).ok()?;
        mac.update(self.name.as_bytes());
        mac.update(&[0]);
        mac.update(row.as_bytes());
        mac.finalize().into_bytes()[..16].try_into().ok()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing panics while holding the lock; should it ever, the memory is still whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a lost post was found.
enum Found {
    Yes,
    /// The history may be asked soon.
    Wait(Duration),
    No(Option<Look>),
}

/// The message that a row has now, if this answer says that it is one. A reply to a message that was deleted meanwhile is
/// no error: Slack makes it a message of the channel, and only the lack of its thread says so.
fn made(said: &Said, is_reply: bool) -> Option<Ts> {
    let ts = said.ts.as_deref()?;
    let unthreaded = match &said.message {
        Some(Echo { ts: Some(_), thread_ts }) => thread_ts.is_none(),
        _ => false,
    };
    (!is_reply || unthreaded).then(|| Ts(ts.into()))
}
