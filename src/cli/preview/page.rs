//! The posts as one page for the browser that needs nothing else: no server, no network.
//!
//! It shows messages with the demo's own scripts and styles. Row data is data in it, never markup: it stands in a JSON
//! block that nothing executes, and the page's policy runs no script but the one whose hash it names.

use super::row::Sequel;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const STYLES: [&str; 3] = [
    include_str!("../demo/page/page.css"),
    include_str!("../demo/page/messages.css"),
    include_str!("page/preview.css"),
];

/// The demo's modules in the order in which they need each other, then the page's own.
const MODULES: [(&str, &str); 4] = [
    ("dom", include_str!("../demo/page/dom.js")),
    ("slack", include_str!("../demo/page/slack.js")),
    ("teams", include_str!("../demo/page/teams.js")),
    ("preview", include_str!("page/preview.js")),
];

/// Collects posts for a page.
#[derive(Default)]
pub struct Page {
    posts: Vec<Json>,
    /// Where the message of a row stands among `posts`.
    firsts: HashMap<(usize, String), usize>,
    added: usize,
    left_out: u64,
}

impl Page {
    /// Posts on it so far.
    pub fn len(&self) -> usize {
        self.added
    }

    /// Adds a post, as `preview --json` writes it. A sequel goes to its row's message: into the thread, in its place, or both.
    pub fn add(&mut self, mut post: Json, sequel: Option<Sequel>) {
        self.added += 1;
        let Some(Sequel { row, latest, replies, broadcast }) = sequel else { return self.posts.push(post) };
        let Some(first) = self.firsts.get(&row).and_then(|index| self.posts.get_mut(*index)) else {
            self.firsts.insert(row, self.posts.len());
            return self.posts.push(post);
        };
        if let Some(latest) = latest {
            first["latest"] = latest;
        }
        if replies {
            post["broadcast"] = json!(broadcast);
            match &mut first["replies"] {
                Json::Array(replies) => replies.push(post),
                none => *none = json!([post]),
            }
        }
    }

    /// One more post that the page does not show.
    pub fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// The page.
    pub fn html(&self) -> String {
        let script = script();
        let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
        let data = json!({"posts": self.posts, "added": self.added, "left_out": self.left_out}).to_string();
        include_str!("page/preview.html")
            .replace("@HASH@", &hash)
            .replace("@STYLE@", &STYLES.concat())
            .replace("@SCRIPT@", &script)
            // Last, so that nothing in it is taken for a place to fill. No `<`: a row could end the block with it.
            .replace("@POSTS@", &data.replace('<', "\\u003c"))
    }
}

/// The modules as one script: a page that is opened from a disk may import nothing.
fn script() -> String {
    MODULES.iter().map(|(name, source)| module(name, source)).collect()
}

/// A module as a function that runs once and answers with what it exports.
fn module(name: &str, source: &str) -> String {
    let mut body = String::new();
    let mut exports = Vec::new();
    for line in source.lines() {
        if let Some((names, from)) = line.strip_prefix("import ").and_then(|rest| rest.split_once(" from ")) {
            let module = from.trim_end_matches([';', '\'']).rsplit('/').next().unwrap_or_default();
            body.push_str(&format!("const {names} = {};", module.trim_end_matches(".js")));
        } else if let Some(rest) = line.strip_prefix("export ") {
            let declared = rest.split_once(' ').map_or("", |(_, declared)| declared);
            exports.push(declared.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default());
            body.push_str(rest);
        } else {
            body.push_str(line);
        }
        body.push('\n');
    }
    format!("const {name} = (() => {{\n{body}return {{ {} }};\n}})();\n", exports.join(", "))
}
