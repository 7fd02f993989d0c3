//! Slack's mrkdwn and the markdown of Adaptive Cards, as far as a message uses them.

use super::Run;

/// Longer texts are taken without emphasis; a section may have 3,000 characters.
const EMPHASIS_BYTES_MAX: usize = 12_000;

/// The emphasis marks of a dialect.
struct Marks {
    /// Mark, bold, strike.
    pairs: &'static [(&'static str, bool, bool)],
}

const SLACK: Marks =
    Marks { pairs: &[("*", true, false), ("~", false, true), ("_", false, false), ("`", false, false)] };
const CARD: Marks = Marks {
    pairs: &[("**", true, false), ("__", true, false), ("~~", false, true), ("_", false, false), ("*", false, false)],
};

/// Slack's mrkdwn: entities in angle brackets, `&lt;` and the like, `*bold*`, `~struck~`.
pub(super) fn slack(text: &str) -> Vec<Run> {
    // What an entity stands for is not parsed again, and its brackets are real ones: data's are `&lt;` and `&gt;`.
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else {
            break;
        };
        emphasis(&unescape(&rest[..start]), &SLACK, &mut runs);
        let inside = &rest[start + 1..start + length];
        runs.push(Run::plain(unescape(&entity(inside))));
        rest = &rest[start + length + 1..];
    }
    emphasis(&unescape(rest), &SLACK, &mut runs);
    runs
}

/// The markdown subset of a card's TextBlock: `**bold**`, `_italic_`, `[text](url)`.
pub(super) fn card(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some((before, label, url, after)) = card_link(rest) {
        emphasis(before, &CARD, &mut runs);
        runs.push(Run::plain(format!("{label} ({url})")));
        rest = after;
    }
    emphasis(rest, &CARD, &mut runs);
    runs
}

fn card_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let start = text[..middle].rfind('[')?;
    let end = middle + text[middle..].find(')')?;
    Some((&text[..start], &text[start + 1..middle], &text[middle + 2..end], &text[end + 1..]))
}

/// What an entity between `<` and `>` shows.
fn entity(inside: &str) -> String {
    let (target, label) = inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(label)));
    let mut kind = target.chars();
    match (kind.next(), label) {
        (Some('!'), Some(fallback)) if target.starts_with("!date^") => fallback.to_owned(),
        (Some('!'), _) if matches!(target, "!here" | "!channel" | "!everyone") => {
            format!("@{}", kind.as_str())
        }
        (Some('!'), Some(label)) => label.to_owned(),
        (Some('!'), None) => format!("@{}", kind.as_str()),
        (Some('@' | '#'), Some(label)) => format!("{}{label}", &target[..1]),
        (Some('@' | '#'), None) => target.to_owned(),
        (_, Some(label)) => format!("{label} ({target})"),
        (_, None) if target.contains(':') => target.to_owned(),
        (_, None) => format!("<{target}>"),
    }
}

fn unescape(text: &str) -> String {
    // The ampersand last, else `&amp;lt;` would become `<`.
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn emphasis(text: &str, marks: &Marks, runs: &mut Vec<Run>) {
    if text.len() > EMPHASIS_BYTES_MAX {
        // Looking for pairs takes time in the square of the length.
        runs.push(Run::plain(text));
        return;
    }
    let mut rest = text;
    while let Some((mark, bold, strike, from, to)) = next_pair(rest, marks) {
        if from > 0 {
            runs.push(Run::plain(&rest[..from]));
        }
        runs.push(Run { text: rest[from + mark.len()..to].to_owned(), bold, strike });
        rest = &rest[to + mark.len()..];
    }
    if !rest.is_empty() {
        runs.push(Run::plain(rest));
    }
}

/// The next emphasised span: its mark, and where the opening and the closing mark stand.
fn next_pair(text: &str, marks: &Marks) -> Option<(&'static str, bool, bool, usize, usize)> {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    for (at, _) in text.char_indices() {
        for &(mark, bold, strike) in marks.pairs {
            let Some(inner) = text[at..].strip_prefix(mark) else {
                continue;
            };
            if !boundary(text[..at].chars().next_back()) || inner.starts_with(char::is_whitespace) {
                continue;
            }
            let line = inner.split('\n').next().unwrap_or_default();
            let end = line.match_indices(mark).map(|(end, _)| end).find(|&end| {
                end > 0
                    && !line[..end].ends_with(char::is_whitespace)
                    && boundary(line[end + mark.len()..].chars().next())
            });
            if let Some(end) = end {
                return Some((mark, bold, strike, at, at + mark.len() + end));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound keeps a long text from taking minutes: pairs are looked for in the square of its length.
    #[test]
    fn marks_of_a_long_text_are_taken_as_they_are() {
        for (mark, read) in [("*a*", slack as fn(&str) -> Vec<Run>), ("**a** ", card)] {
            let pairs = |bytes: usize| read(&format!("{mark} ").repeat(bytes / (mark.len() + 1)));
            assert!(pairs(EMPHASIS_BYTES_MAX).iter().any(|run| run.bold && run.text == "a"));
            assert_eq!(pairs(EMPHASIS_BYTES_MAX + 100).iter().filter(|run| run.bold).count(), 0);
        }
        // Only what stands outside of entities and links is looked at, piece by piece.
        assert_eq!(slack(&"<".repeat(100_000)).len(), 1);
        assert_eq!(card(&"[".repeat(100_000)).len(), 1);
    }
}
