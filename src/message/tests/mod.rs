//! What a reader sees, and what no row may do to it.

#![allow(clippy::unwrap_used)]

pub(crate) mod build;
mod corpus;
mod digests;
mod facts;
mod formats;
mod headlines;
pub(crate) mod hostile;
mod languages;
mod layouts;
mod posts;
pub(crate) mod schema;
mod sizes;
pub(crate) mod vendors;

use super::{Mark, Message};

/// A message as plain text, for reading in snapshots: `~old~`, `**new**`, `_quiet_`.
fn text(message: &Message) -> String {
    let mut out = format!("{}\n", message.headline);
    for line in message.lines.iter().chain(&message.rows.heading).chain(&message.rows.lines) {
        out.push_str(&format!("  {}: ", line.label));
        for span in &line.body {
            out.push_str(&match span.mark {
                Mark::Plain => span.text.clone(),
                Mark::Old => format!("~{}~", span.text),
                Mark::New => format!("**{}**", span.text),
                Mark::Quiet => format!("_{}_", span.text),
            });
        }
        if let Some(delta) = &line.delta {
            out.push_str(&format!("  {delta}"));
        }
        if let Some(note) = &line.note {
            out.push_str(&format!("  ({note})"));
        }
        out.push('\n');
    }
    for text in [message.left_out_text(), message.identity_text()].into_iter().flatten() {
        out.push_str(&format!("  {text}\n"));
    }
    if let Some(link) = &message.link {
        out.push_str(&format!("  [{}] {}\n", link.label, link.url));
    }
    for note in message.notes.iter().chain(&message.tip) {
        out.push_str(&format!("  {note}\n"));
    }
    if let Some(context) = message.context_text() {
        out.push_str(&format!("  {context}\n"));
    }
    out.push_str(&format!("phone: {}", message.fallback()));
    out
}
