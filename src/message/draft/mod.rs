//! A payload, or an address, that a template of the config yields, and the values of the row that belong into it.
//!
//! The template's own text is trusted; what it writes between braces is not. So these values are kept beside the text, which
//! holds a place for each. The text is read as JSON first, and only then do the values take their places, each made inert in
//! the way that its place needs: in a text that the service parses (Slack's mrkdwn, Teams' markdown) otherwise than in one
//! that it does not, in an address percent-encoded, and nowhere where a value would be structure: under `type`, in a key, as a
//! list or an object.

mod slack;
mod teams;

use super::limits::INSERTED;
use super::link;
use super::safe;
use serde_json::{Map, Value as Json};
use std::fmt::Write;

/// A text with places, and the values for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What the template says, with a place for each value.
    pub text: String,
    /// The values, by the number of their place.
    pub inserted: Vec<Inserted>,
}

/// A value that a template wrote: row data, as far as anybody knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Inserted {
    /// As a text would show it.
    pub text: String,
    /// As a value by itself would be written; of a list or an object an empty list.
    pub json: Json,
}

/// Why a draft yields no payload. Without row data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DraftError {
    /// One line, and a hint behind `\nhint: `.
    pub message: String,
    /// With another row the same template may be right.
    pub depends_on_row: bool,
}

impl DraftError {
    fn new(message: impl Into<String>) -> Self {
        DraftError { message: message.into(), depends_on_row: false }
    }

    fn of_this_row(message: impl Into<String>) -> Self {
        DraftError { message: message.into(), depends_on_row: true }
    }
}

/// Noncharacters, which [`safe::clean`] lets no value bring along.
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';
/// Opens a place that is a value by itself, not part of a text.
const ALONE: char = '\u{FDD2}';

/// What may stand at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Text that nothing parses.
    Plain,
    /// Text in which the service looks for markup.
    Markup,
    /// A web address.
    Url,
    /// One word of letters and digits, such as a colour.
    Word,
    /// Nothing of a row.
    Nowhere,
}

/// What a service does with the texts of its payloads.
struct Service {
    /// The context of a text, by the type of the object that holds it and by its key.
    context: fn(Option<&str>, &str) -> Context,
    /// Makes clean text inert: `true` where markup is looked for. It is told what stands before, values made inert, and
    /// the template's character behind.
    inert: fn(&str, bool, &str, Option<char>) -> String,
    /// What an element of a list cannot be without: the words of a button, of a link, of a run of text.
    title: fn(&Json) -> Option<&Json>,
    /// What says that a value was cut.
    mark: &'static str,
}

impl Draft {
    /// Characters that a template may not hold.
    pub const MARKS: [char; 3] = [OPEN, CLOSE, ALONE];

    /// The place of this value.
    pub fn place(number: usize) -> String {
        format!("{OPEN}{number}{CLOSE}")
    }

    /// The address, with each value percent-encoded but for one at the very beginning. `None` where a value would lead up the
    /// path.
    pub fn url(&self) -> Option<String> {
        let mut out = String::with_capacity(self.text.len() + 32);
        for piece in pieces(&self.text) {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Place(number) => {
                    let value = &self.inserted.get(number)?.text;
                    match out.is_empty() {
                        true => out.push_str(value.trim()),
                        false => encode(value, &mut out)?,
                    }
                }
            }
        }
        Some(out)
    }

    /// Slack's payload: Block Kit, checked, with a text for the notification.
    pub fn slack(&self, message: &super::Message) -> Result<Json, DraftError> {
        slack::payload(self.json(&slack::service(message))?, message)
    }

    /// Teams' payload: a message with the card, checked.
    pub fn teams(&self, message: &super::Message) -> Result<Json, DraftError> {
        teams::payload(self.json(&teams::service(message))?, message)
    }

    /// The draft as JSON, with the values in their places.
    fn json(&self, service: &Service) -> Result<Json, DraftError> {
        let json: Json = serde_json::from_str(&self.alone()).map_err(|error| {
            DraftError::new(format!("yields no JSON: {}", error.to_string().replace(Draft::MARKS, "")))
        })?;
        Ok(self.filled(json, None, "", service)?.unwrap_or_default())
    }

    /// The text with quotes around each place that stands outside of a text.
    fn alone(&self) -> String {
        let mut out = String::with_capacity(self.text.len() + 32);
        let (mut in_text, mut escaped, mut in_place) = (false, false, false);
        for c in self.text.chars() {
            match c {
                OPEN if !in_text => {
                    in_place = true;
                    out.extend(['"', ALONE]);
                    continue;
                }
                CLOSE if in_place => {
                    in_place = false;
                    out.extend([CLOSE, '"']);
                    continue;
                }
                _ if escaped => escaped = false,
                '\\' if in_text => escaped = true,
                '"' => in_text = !in_text,
                _ => {}
            }
            out.push(c);
        }
        out
    }

    /// With the values; `None` where the row left nothing: a button whose title is a blank text is left out, and so is the
    /// list that held no other.
    fn filled(
        &self,
        json: Json,
        owner: Option<&str>,
        key: &str,
        service: &Service,
    ) -> Result<Option<Json>, DraftError> {
        Ok(Some(match json {
            Json::String(text) => self.text_in(text, owner, key, service)?,
            Json::Array(elements) => {
                let any = !elements.is_empty();
                let filled = elements.into_iter().map(|element| self.titled(element, owner, key, service));
                let filled: Vec<_> = filled.filter_map(Result::transpose).collect::<Result<_, _>>()?;
                if any && filled.is_empty() {
                    return Ok(None);
                }
                Json::Array(filled)
            }
            Json::Object(entries) => {
                let owner = entries.get("type").and_then(Json::as_str).map(str::to_owned);
                let mut filled = Map::new();
                for (key, value) in entries {
                    if key.contains(Draft::MARKS) {
                        return wrong("has a value of the row as a key");
                    }
                    let value = match key.as_str() {
                        "accessory" => self.titled(value, owner.as_deref(), &key, service)?,
                        _ => self.filled(value, owner.as_deref(), &key, service)?,
                    };
                    match value {
                        Some(value) => drop(filled.insert(key, value)),
                        None if matches!(owner.as_deref(), Some("actions" | "ActionSet")) => return Ok(None),
                        None if owner.as_deref().is_some_and(|owner| owner.starts_with("rich_text")) => {
                            return Ok(None);
                        }
                        None => {}
                    }
                }
                Json::Object(filled)
            }
            other => other,
        }))
    }

    /// The same of what needs a title, where it is one whose words are the row's.
    fn titled(
        &self,
        json: Json,
        owner: Option<&str>,
        key: &str,
        service: &Service,
    ) -> Result<Option<Json>, DraftError> {
        let titled = (service.title)(&json).and_then(Json::as_str).is_some_and(|title| title.contains(Draft::MARKS));
        let is_blank = |filled: &Json| {
            let title = (service.title)(filled);
            title.and_then(Json::as_str).is_some_and(|title| title.trim().is_empty())
        };
        Ok(self.filled(json, owner, key, service)?.filter(|filled| !(titled && is_blank(filled))))
    }

    fn text_in(&self, text: String, owner: Option<&str>, key: &str, service: &Service) -> Result<Json, DraftError> {
        if !text.contains(Draft::MARKS) {
            return Ok(Json::String(text));
        }
        let context = (service.context)(owner, key);
        let alone = text.strip_prefix(ALONE).and_then(|rest| rest.strip_suffix(CLOSE)).and_then(|n| n.parse().ok());
        if let Some(inserted) = alone.and_then(|number: usize| self.inserted.get(number)) {
            match &inserted.json {
                Json::String(_) => {}
                Json::Array(_) | Json::Object(_) => {
                    let what = format!("has a list or a map of the row under {key:?}, which cannot become part of it");
                    return wrong(format!("{what}\nhint: loop over it, or write it as text with | tojson"));
                }
                // Where a text belongs, a number is written as one, and a NULL as none.
                Json::Number(_) | Json::Bool(_) | Json::Null if matches!(context, Context::Plain | Context::Markup) => {
                }
                plain => return Ok(plain.clone()),
            }
        }
        let text = text.replace(ALONE, &OPEN.to_string());
        let value = match context {
            Context::Nowhere => {
                return wrong(format!("has a value of the row under {key:?}, where none can stand"));
            }
            Context::Url => {
                let draft = Draft { text, inserted: self.inserted.clone() };
                let url = draft.url().and_then(|url| link::checked(&url));
                let failed = format!("has no plain http or https address under {key:?}");
                url.ok_or_else(|| DraftError::of_this_row(failed))?
            }
            Context::Word => {
                let word = self.joined(&text, |value, _, _| value.to_owned());
                let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "#_-.:".contains(c));
                if !plain || word.is_empty() || word.len() > 255 {
                    return Err(DraftError::of_this_row(format!("has no word of letters and digits under {key:?}")));
                }
                word
            }
            Context::Plain | Context::Markup => self.joined(&text, |value, before, behind| {
                let value = safe::shorten_middle_as(service.mark, &safe::clean(value), INSERTED);
                safe::isolated(&(service.inert)(&value, context == Context::Markup, before, behind))
            }),
        };
        Ok(Json::String(value))
    }

    /// The text with its values; `write` is told what stands before each, and the character behind.
    fn joined(&self, text: &str, write: impl Fn(&str, &str, Option<char>) -> String) -> String {
        let mut out = String::with_capacity(text.len() + 32);
        let pieces: Vec<_> = pieces(text).collect();
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Place(number) => {
                    let behind = match pieces.get(index + 1) {
                        Some(Piece::Literal(text)) => text.chars().next(),
                        _ => None,
                    };
                    let value = self.inserted.get(*number).map_or("", |inserted| &inserted.text);
                    let written = write(value, &out, behind);
                    out.push_str(&written);
                }
            }
        }
        out
    }
}

enum Piece<'t> {
    Literal(&'t str),
    Place(usize),
}

/// The text's own parts and the places between them.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split(OPEN).enumerate().flat_map(|(index, part)| {
        let place = part.split_once(CLOSE).filter(|_| index > 0);
        let (place, literal) = match place {
            Some((number, literal)) => (number.parse().ok().map(Piece::Place), literal),
            None => (None, part),
        };
        place.into_iter().chain((!literal.is_empty()).then_some(Piece::Literal(literal)))
    })
}

/// Percent-encodes all but what an address may hold anywhere (RFC 3986, unreserved).
fn encode(value: &str, out: &mut String) -> Option<()> {
    if matches!(value, "." | "..") {
        return None;
    }
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => write!(out, "%{other:02X}").ok()?,
        }
    }
    Some(())
}

/// The value within an address that a template's text holds.
fn percent_encoded(value: &str) -> String {
    let mut out = String::new();
    // What would lead up the path leads nowhere.
    encode(value, &mut out).map_or_else(String::new, |()| out)
}

/// Text in which no markup is left: what emphasises becomes a character that only looks like it.
fn unformatted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let inside_a_word = before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        out.push(match c {
            '*' => '\u{2217}',
            '~' => '\u{223C}',
            '`' => '\u{2CB}',
            '_' if !inside_a_word => '\u{2CD}',
            c => c,
        });
        before = c;
    }
    out
}

/// Says what is wrong with a part of the payload.
fn wrong<T>(what: impl Into<String>) -> Result<T, DraftError> {
    Err(DraftError::new(what))
}

#[cfg(test)]
mod tests;
