//! The text of the file, for showing the line that a finding is about; secrets that stand in it are never shown.

use super::diagnostic::Place;
use std::ops::Range;
use std::sync::Arc;

/// Stands where a secret was.
const HIDDEN: &str = "(hidden)";

/// Characters of a line that are shown.
const SHOWN: usize = 160;

/// Words in a key whose values are secrets; the more general are found by their path in the file ([`super::secrets`]).
const SECRET_WORDS: &[&str] = &["url", "token", "secret", "password", "passphrase", "jaas", "credential", "pem", "key"];

/// The text of a config file.
#[derive(Debug, Clone, Default)]
pub struct Source {
    text: Arc<str>,
    /// Where secrets begin, and the last line that may hold the rest of each.
    hidden: Vec<(Place, u32)>,
    /// The file could not be read as YAML: where its secrets are can only be guessed.
    guess: bool,
}

/// A line as it is shown, and what to underline in it: columns from 0, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number, from 1.
    pub line: u32,
    /// Its text.
    pub text: String,
    /// What the finding is about.
    pub mark: Range<usize>,
}

impl Source {
    /// A text whose secrets are not known yet.
    pub fn new(text: &str) -> Self {
        Self { text: text.strip_prefix('\u{feff}').unwrap_or(text).into(), hidden: Vec::new(), guess: true }
    }

    /// Where its secrets begin, and the last line of each.
    pub fn hide(&mut self, secrets: Vec<(Place, u32)>) {
        (self.hidden, self.guess) = (secrets, false);
    }

    /// A line's text, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.lines().nth(index).map(|line| line.trim_end_matches('\r'))
    }

    /// How many lines there are.
    pub fn lines(&self) -> u32 {
        u32::try_from(self.text.lines().count()).unwrap_or(u32::MAX)
    }

    /// From a place to the end of its line.
    pub fn rest(&self, place: Place) -> &str {
        let line = self.line(place.line).unwrap_or_default();
        let skipped = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
        line.char_indices().nth(skipped).map_or("", |(at, _)| &line[at..])
    }

    /// Characters of the word, quoted text or bracket that begins at a place; at least 1.
    pub fn token(&self, place: Place) -> usize {
        let line = self.line(place.line).unwrap_or_default();
        let skipped = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
        let rest: Vec<char> = line.chars().skip(skipped).collect();
        let length = match rest.first() {
            Some(quote @ ('"' | '\'')) => quoted(&rest, *quote),
            Some('[' | '{') => bracketed(&rest),
            _ => plain(&rest, in_flow(line.chars().take(skipped))),
        };
        length.max(1)
    }

    /// The place of a part of a value, where the value stands in the file as it is read: on one line, without escapes.
    pub fn within(&self, place: Place, value: &str, part: &Range<usize>) -> Option<(Place, usize)> {
        let written = self.rest(place);
        let quote = usize::from(written.starts_with(['"', '\'']));
        let same = !value.is_empty() && written.get(quote..)?.starts_with(value);
        let before = value.get(..part.start)?.chars().count() + quote;
        let length = value.get(part.clone())?.chars().count();
        let column = place.column.checked_add(u32::try_from(before).ok()?)?;
        same.then_some((Place { line: place.line, column }, length))
    }

    /// The line of a finding, its secrets hidden; `None` where nothing of it may be shown.
    pub fn excerpt(&self, place: Place, length: Option<usize>) -> Option<Excerpt> {
        let line = self.line(place.line)?;
        let from = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let length = length.unwrap_or_else(|| self.token(place));
        let (text, cut) = self.without_secrets(place.line, line)?;
        // A finding behind a secret has nothing to point at any more; one at the secret points at the word for it.
        let mark = match cut {
            Some(cut) if from > cut.start => return None,
            Some(cut) if from + length > cut.start => from..cut.end,
            _ => from..from + length,
        };
        let (text, mark) = window(&text, mark);
        Some(Excerpt { line: place.line, text, mark })
    }

    /// The line up to its first secret, and where the word for that stands.
    fn without_secrets(&self, number: u32, line: &str) -> Option<(String, Option<Range<usize>>)> {
        if self.hidden.iter().any(|(place, last)| place.line < number && number <= *last) {
            return None;
        }
        let known = self.hidden.iter().filter(|(place, _)| place.line == number).map(|(place, _)| place.column);
        let known = known.filter_map(|column| usize::try_from(column).ok()?.checked_sub(1));
        let guessed = self.guess.then(|| self.guessed(number, line)).flatten();
        let Some(start) = known.chain(guessed).min() else {
            return Some((line.to_owned(), None));
        };
        let text: String = line.chars().take(start).chain(HIDDEN.chars()).collect();
        Some((text, Some(start..start + HIDDEN.len())))
    }

    /// Where something that may be a secret begins: behind a key that is called like one, or anywhere below it.
    fn guessed(&self, number: u32, line: &str) -> Option<usize> {
        let called = |line: &str| {
            let (key, _) = line.split_once(':')?;
            let lower = line.to_ascii_lowercase();
            SECRET_WORDS.iter().any(|word| lower.contains(word)).then(|| key.chars().count() + 1)
        };
        if let Some(column) = called(line) {
            return Some(column);
        }
        let indent = |line: &str| line.chars().take_while(|c| *c == ' ').count();
        let mut depth = indent(line);
        for above in (1..number).rev().filter_map(|number| self.line(number)).filter(|line| !line.trim().is_empty()) {
            if indent(above) < depth {
                depth = indent(above);
                // Only a key that ends its line goes on below it.
                let goes_on = above.trim_end().ends_with([':', '|', '>', '-', '+', '"', '\'']);
                if goes_on && called(above).is_some() {
                    return Some(0);
                }
            }
        }
        let web = ["://", "xox", "whsec_", "sig="].iter().filter_map(|sign| line.find(sign)).min()?;
        Some(line[..web].chars().count())
    }
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while let Some(c) = rest.get(at) {
        match c {
            '\\' if quote == '"' => at += 1,
            c if *c == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

fn bracketed(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    for (at, c) in rest.iter().enumerate() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    trimmed(rest)
}

/// A plain scalar or a key: up to `: `, ` #`, and within brackets up to a comma or their end.
fn plain(rest: &[char], flow: bool) -> usize {
    for (at, c) in rest.iter().enumerate() {
        let next = rest.get(at + 1);
        let ends = match c {
            ':' => next.is_none_or(|next| next.is_whitespace()),
            ' ' => next == Some(&'#'),
            ',' | ']' | '}' => flow,
            _ => false,
        };
        if ends {
            return trimmed(&rest[..at]);
        }
    }
    trimmed(rest)
}

fn trimmed(part: &[char]) -> usize {
    part.len() - part.iter().rev().take_while(|c| c.is_whitespace()).count()
}

/// Does the text open more brackets than it closes?
fn in_flow(before: impl Iterator<Item = char>) -> bool {
    let mut depth = 0_i32;
    let mut open = None;
    for c in before {
        match (open, c) {
            (Some(quote), c) if c == quote => open = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => open = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, _) => {}
        }
    }
    depth > 0
}

/// A long line around what is marked. Tabs and other control characters would move the mark: they become spaces.
fn window(text: &str, mark: Range<usize>) -> (String, Range<usize>) {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let count = text.chars().count();
    let end = mark.end.min(count).max(mark.start + 1);
    if count <= SHOWN {
        return (text.chars().map(clean).collect(), mark.start..end);
    }
    let skipped = mark.start.saturating_sub(SHOWN / 4);
    let lead = if skipped > 0 { "..." } else { "" };
    let shown: String = text.chars().skip(skipped).take(SHOWN).map(clean).collect();
    let tail = if skipped + SHOWN < count { "..." } else { "" };
    let at = |column: usize| (column - skipped).min(SHOWN) + lead.len();
    (format!("{lead}{shown}{tail}"), at(mark.start)..at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    fn marked(text: &str, line: u32, column: u32) -> String {
        let excerpt = Source { guess: false, ..Source::new(text) }.excerpt(at(line, column), None).expect("a line");
        excerpt.text.chars().skip(excerpt.mark.start).take(excerpt.mark.len()).collect()
    }

    #[test]
    fn what_a_finding_is_about_ends_where_yaml_ends_it() {
        assert_eq!(marked("headlin: x", 1, 1), "headlin");
        assert_eq!(marked("a: one two # why", 1, 4), "one two");
        assert_eq!(marked("a: { b: one two, c: d }", 1, 9), "one two");
        assert_eq!(marked("a: [ one two ]", 1, 6), "one two");
        assert_eq!(marked("a: one, two", 1, 4), "one, two");
        assert_eq!(marked("a: \"one, \\\"two\" # why", 1, 4), "\"one, \\\"two\"");
        assert_eq!(marked("a: { b: [c, d] }", 1, 4), "{ b: [c, d] }");
        assert_eq!(marked("k:\r\n  shop:public.t: x\r\n", 2, 3), "shop:public.t");
        assert_eq!(marked("\u{feff}größe: x", 1, 1), "größe");
        assert_eq!(marked("a:", 1, 9), "", "beyond the line");
    }

    #[test]
    fn a_part_of_a_value_is_found_where_it_is_written_as_it_is_read() {
        let source = Source::new("when: \"ä and befor.x > 1\"\nb: 'it''s x'\n");
        assert_eq!(source.within(at(1, 7), "ä and befor.x > 1", &(7..12)), Some((at(1, 14), 5)));
        assert_eq!(source.within(at(2, 4), "it's x", &(5..6)), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("a: {} wrong {}", "x".repeat(400), "y".repeat(400));
        let source = Source { guess: false, ..Source::new(&line) };
        let excerpt = source.excerpt(at(1, 405), Some(5)).expect("a line");
        assert!(excerpt.text.starts_with("...") && excerpt.text.ends_with("...") && excerpt.text.len() < 200);
        assert_eq!(&excerpt.text[excerpt.mark], "wrong");
    }

    #[test]
    fn known_secrets_are_not_shown_and_nothing_behind_them() {
        let mut source = Source::new("slack: { token: hunter2, channel: x }\nplain: y\nmore: z\n");
        source.hide(vec![(at(1, 17), 1), (at(2, 8), 3)]);
        let before = source.excerpt(at(1, 1), None).expect("a line");
        assert_eq!((before.text.as_str(), before.mark), ("slack: { token: (hidden)", 0..5));
        let itself = source.excerpt(at(1, 17), None).expect("a line");
        assert_eq!(&itself.text[itself.mark], "(hidden)");
        assert_eq!(source.excerpt(at(1, 35), None), None);
        assert_eq!(source.excerpt(at(3, 1), None), None, "it may be the rest of the secret");
    }

    #[test]
    fn what_may_be_a_secret_is_hidden_where_yaml_could_not_be_read() {
        let text = "a:\n  slack: { webhook_url: https://hunter2\n  token: hunter2\n  password: |\n    hunter2\n    hunter2\n  \
                    b: see https://hunter2\n  properties:\n    sasl.password: hunter2\n  x: xoxb-hunter2\n  when: a && b\n";
        let source = Source::new(text);
        let shown: Vec<_> = (1..=source.lines()).filter_map(|line| source.excerpt(at(line, 1), Some(1))).collect();
        assert!(shown.iter().all(|excerpt| !excerpt.text.contains("hunter2")), "{shown:?}");
        assert!(shown.iter().any(|excerpt| excerpt.text == "  when: a && b"), "{shown:?}");
    }
}
