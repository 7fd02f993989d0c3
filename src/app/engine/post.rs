//! Posts: started, answered, settled.

use super::letter::Letter;
use super::{Done, Payload, Work};
use crate::app::render::{self, Renderer, Subject};
use crate::config::Destination;
use crate::destination::{Errand, Look, Verdict};
use crate::outbox::{GivenUp, LaneId, Next, Notice, Outcome, Owed, Post, PostId, Settled};
use futures_util::FutureExt;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Work {
    pub(super) fn start_posts(&mut self) {
        loop {
            if let Some(passed) = self.watch.look() {
                self.doubt(passed);
            }
            match self.outbox.next(self.now()) {
                Some(Next::Post(lane, id)) => self.start(lane, id),
                Some(Next::Expired(notice, owed)) => {
                    let error = "it was older than its rule allows when its turn came".to_owned();
                    self.give_up(notice, GivenUp::Expired, owed, error);
                }
                Some(Next::Reread(reread)) => self.order(reread),
                None => return,
            }
        }
    }

    /// The group may have given our partitions to another replica, which posts what we have pending.
    fn doubt(&mut self, passed: Duration) {
        tracing::warn!(
            passed_ms = passed.as_millis() as u64,
            "this process stood still: it posts again when the group takes a commit, and with that says that the partitions are still its own"
        );
        self.outbox.doubt();
    }

    fn start(&mut self, lane: LaneId, id: PostId) {
        let Some(post) = self.outbox.post(lane, id) else {
            return;
        };
        let Some(known) = self.lanes.get(lane) else {
            return;
        };
        let destination = &known.destination;
        let (row, loud) = match post {
            Post::One(notice) => {
                let Payload { config, change, rules, .. } = &notice.content;
                (render::row(change), render::is_loud(config, rules))
            }
            Post::Many(_) => (None, false),
        };
        let errand = Errand {
            payload: self.payload(destination, post),
            id: format!("{}:{}", record(post), destination.name),
            row,
            loud,
            locale: Arc::clone(&self.engine.config.locale),
            since: self.assigned.max(known.since),
        };
        let (http, poster, done) = (self.engine.http.clone(), Arc::clone(&known.poster), self.done.clone());
        let mut watch = self.watch;
        tokio::spawn(async move {
            let began = Instant::now();
            let verdict = match watch.look() {
                Some(_) => Verdict::unsent("this process stood still before the request was written"),
                None => {
                    let post = AssertUnwindSafe(poster.post(&http, &errand)).catch_unwind();
                    // A panic is a bug, and its message is in the log. Its post must come back all the same: the lane
                    // would wait for it for ever.
                    post.await.unwrap_or_else(|_| Verdict::unknown("the post failed inside Rowbell"))
                }
            };
            // The engine ends only after its last answer, or its patience.
            let _ = done.send(Done::Post { lane, id, verdict, took: began.elapsed() });
        });
    }

    fn payload(&self, destination: &Destination, post: &Post<Payload>) -> Value {
        let renderer = &self.renderer;
        match post {
            // In the words of the config that judged it, which may not be the one of now.
            Post::One(notice) => {
                let Payload { config, table, rules, .. } = &notice.content;
                let render = if notice.simple { Renderer::simple } else { Renderer::payload };
                let folded = notice.content.folded(notice.changes);
                let subject = Subject { config, folded: &folded, table: table.as_deref(), rules };
                render(renderer, destination, &subject)
            }
            Post::Many(digest) => renderer.digest(&self.engine.config, destination, digest),
        }
    }

    pub(super) fn settle(&mut self, done: Done) {
        match done {
            Done::Post { lane, id, verdict, took } => self.posted(lane, id, verdict, took),
            Done::Letter { owed, reason, letters } => self.lettered(&owed, reason, letters),
        }
        self.finish_revokes();
    }

    fn posted(&mut self, lane: LaneId, id: PostId, verdict: Verdict, took: Duration) {
        let Verdict { outcome, detail, look } = verdict;
        if let Some(look) = look {
            self.looked(lane, &look);
        }
        let Some(known) = self.lanes.get_mut(lane) else { return };
        let (name, was_up) = (Arc::clone(&known.destination.name), known.up);
        known.heard(outcome, &detail);
        self.engine.metrics.posts.with_label_values(&[&*name, outcome.as_str()]).inc();
        self.engine.metrics.post_duration.with_label_values(&[&*name]).observe(took.as_secs_f64());
        if let Some(post) = self.outbox.post(lane, id) {
            report(&name, post, outcome, &detail, was_up);
        }
        let now = self.began.elapsed();
        match self.outbox.settle(lane, id, outcome, now) {
            Settled::Delivered(post) => {
                known.delivered += 1;
                match &post {
                    Post::One(notice) => self.observe(&name, notice),
                    Post::Many(digest) => {
                        digest.lines().for_each(|notice| self.observe(&name, notice));
                        self.engine.metrics.digested.with_label_values(&[&*name]).inc_by(digest.changes());
                    }
                }
            }
            Settled::GivenUp(notice, why, owed) => self.give_up(notice, why, owed, detail),
            Settled::Pending => known.retried += 1,
            Settled::Gone => {}
        }
        let up = self.outbox.status(now)[lane].up;
        let known = self.lanes.get_mut(lane).filter(|known| known.up != up && !known.removed);
        if let Some(known) = known {
            known.up = up;
            self.engine.metrics.destination_up.with_label_values(&[&*name]).set(i64::from(up));
            if up {
                tracing::info!(destination = %name, "the destination accepts posts again");
            }
        }
    }

    /// The channel's history was asked. That it cannot be read is said once, and counted each time.
    fn looked(&mut self, lane: LaneId, look: &Look) {
        let Some(known) = self.lanes.get_mut(lane) else { return };
        let name = &*known.destination.name;
        self.engine.metrics.history_looks.with_label_values(&[name, look.as_str()]).inc();
        let (detail, hint) = match look {
            Look::Found | Look::Read => return,
            Look::Denied(detail) => (
                detail,
                "give the Slack app the scope channels:history, for a private channel groups:history, and invite it to the channel",
            ),
            Look::Failed(detail) => (
                detail,
                "it is tried again; an app that is distributed outside Slack's Marketplace may ask once a minute",
            ),
        };
        if std::mem::replace(&mut known.history_told, true) {
            tracing::debug!(destination = name, detail, "the channel's history cannot be read");
            return;
        }
        tracing::warn!(
            destination = name,
            detail,
            hint,
            "the channel's history cannot be read: a post whose answer was lost may appear twice, and a row may begin a new thread"
        );
    }

    fn observe(&self, name: &str, notice: &Notice<Payload>) {
        if let Some(time_us) = notice.content.change.time_us {
            let late_us = (jiff::Timestamp::now().as_microsecond() - time_us).max(0);
            let labels = [name, notice.priority.as_str()];
            self.engine.metrics.change_to_post.with_label_values(&labels).observe(late_us as f64 / 1e6);
        }
    }

    fn give_up(&mut self, notice: Notice<Payload>, why: GivenUp, owed: Owed, error: String) {
        self.write_letter(owed, Letter::of(notice, why, error));
    }
}

/// The record that a post is named by, and stable for it.
fn record(post: &Post<Payload>) -> String {
    match post {
        Post::One(notice) => notice.content.change.record.to_string(),
        Post::Many(digest) => digest.name().to_owned(),
    }
}

/// One log line for each post that was not simply accepted, without row data.
fn report(destination: &str, post: &Post<Payload>, outcome: Outcome, detail: &str, was_up: bool) {
    let (record, attempts) = (record(post), post.attempts());
    match outcome {
        Outcome::Delivered => tracing::debug!(destination, %record, attempts, "posted"),
        Outcome::Retry { after: Some(after) } => {
            tracing::info!(destination, %record, attempts, detail, wait_ms = after.as_millis() as u64, "told to wait")
        }
        Outcome::Retry { after: None } => {
            tracing::warn!(destination, %record, attempts, detail, "post failed, trying again")
        }
        Outcome::Unknown => {
            tracing::warn!(destination, %record, attempts, detail, "no answer: the post may appear twice, trying again")
        }
        Outcome::Rejected => {
            tracing::error!(destination, %record, attempts, detail, "the message was refused; a shorter one is tried where the channel has one, else it goes to the dead letters")
        }
        // Once when it begins; the gauge and the alert say the rest.
        Outcome::Blocked if was_up => tracing::error!(
            destination,
            detail,
            "the destination accepts nothing; its lane waits and tries again; hint: was the webhook revoked, or the channel archived?"
        ),
        Outcome::Blocked => tracing::debug!(destination, detail, "still blocked"),
    }
}
