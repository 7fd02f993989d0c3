//! What becomes of a row's later posts in a channel that keeps them with the first.

use super::super::posts::Post;
use crate::config::Config;
use crate::destination::Target;
use crate::message::slack::latest;
use serde_json::Value as Json;

/// A post about a row whose posts stay together: what it becomes where the row has its message already.
pub struct Sequel {
    /// The destination, and the row in it.
    pub row: (usize, String),
    /// What the row's message shows from now on, where it is updated.
    pub latest: Option<Json>,
    /// It is a reply in the thread as well.
    pub replies: bool,
    /// The reply is shown in the channel, too.
    pub broadcast: bool,
}

impl Sequel {
    /// `None` where each post is a message by itself. As `destination::slack` makes them.
    pub fn of(post: &Post, config: &Config) -> Option<Self> {
        let Target::SlackBot(bot) = &post.destination(config).target else { return None };
        let row = post.errand.row.clone().filter(|_| bot.thread_by_row || bot.update)?;
        let loud = post.errand.loud;
        Some(Self {
            row: (post.destination, row),
            latest: bot.update.then(|| latest(&post.payload, bot.thread_by_row, &post.errand.locale)),
            replies: bot.thread_by_row || loud,
            broadcast: loud,
        })
    }
}
