//! A message as templates of whole payloads see it.

use super::model::{Line, Mark, Message};
use super::{slack, teams};
use serde_json::{Value as Json, json};

impl Message {
    /// What the default message says, part by part, under the name `message` in a payload's template.
    pub fn facts(&self) -> Json {
        let buttons = self.link.iter().chain(&self.buttons);
        json!({
            "headline": self.headline,
            "title": self.title,
            "noun": self.noun,
            "text": self.fallback(),
            "lines": self.lines.iter().map(line).collect::<Vec<_>>(),
            "left_out": self.left_out_text(),
            "identity": self.identity_text(),
            "link": self.link.as_ref().map(|link| &link.url),
            "buttons": buttons.map(|link| json!({"label": link.label, "url": link.url})).collect::<Vec<_>>(),
            "notes": self.notes,
            "tip": self.tip,
            "context": self.context_text(),
            "rules": self.rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
            "priority": self.priority.as_str(),
            "color": slack::colour(self.colour()),
            "style": teams::style(self.colour()),
        })
    }
}

fn line(line: &Line) -> Json {
    let said = |mark: Mark| -> Option<String> {
        let text: String = line.body.iter().filter(|span| span.mark == mark).map(|span| span.text.as_str()).collect();
        (!text.is_empty()).then_some(text)
    };
    json!({
        "column": &*line.column,
        "label": line.label,
        "old": said(Mark::Old),
        "new": said(Mark::New),
        "text": line.body.iter().map(|span| span.text.as_str()).collect::<String>(),
        "brief": line.brief,
        "delta": line.delta.as_ref().map(ToString::to_string),
        "note": line.note,
        "changed": !line.is_context,
    })
}
