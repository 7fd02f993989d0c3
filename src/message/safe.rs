//! Row data made harmless to look at, and cut where it is too long.
//!
//! What is done here is common to all channels; each channel adds its own escaping.

use super::limits;
use unicode_segmentation::UnicodeSegmentation;

/// What stands at the place where a text was cut.
pub const SHORTENED: &str = "… (shortened)";

/// What stands for a character that must not be shown.
const REPLACED: char = '\u{FFFD}';

/// Combining marks in a row beyond which they are dropped: more only paint over other lines.
const MARKS_MAX: usize = 4;

/// Text as it may be shown: one line, nothing that hides or reorders what a reader sees.
///
/// Line breaks become ` / `. Control characters and bidirectional overrides become a visible `�`.
/// Characters without width are removed, for they hide text and make two different words look the
/// same; the joiners that emoji and some scripts are written with stay between such letters.
pub fn clean(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    let mut marks = 0;
    while let Some(c) = chars.next() {
        marks = if is_combining(c) { marks + 1 } else { 0 };
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => break_line(&mut out),
            '\t' => out.push(' '),
            // Embeddings, overrides and isolates: they can make a price read backwards.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => out.push(REPLACED),
            '\u{200C}' | '\u{200D}' => {
                let next = chars.peek().copied();
                if joins(out.chars().next_back()) && joins(next) {
                    out.push(c);
                }
            }
            // One selector only: a row of them can carry a hidden text.
            '\u{FE0E}' | '\u{FE0F}' if joins(out.chars().next_back()) && !out.ends_with('\u{FE0F}') => out.push(c),
            c if is_invisible(c) => {}
            c if c.is_control() || is_noncharacter(c) => out.push(REPLACED),
            _ if marks > MARKS_MAX => {}
            c => out.push(c),
        }
    }
    let kept = out.trim_end_matches(" / ").trim_end().len();
    out.truncate(kept);
    out
}

fn break_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with(" / ") {
        out.push_str(" / ");
    }
}

/// Whether a joiner or a variation selector has a place beside this character.
fn joins(c: Option<char>) -> bool {
    c.is_some_and(|c| {
        (!c.is_ascii() || c.is_ascii_digit() || c == '#' || c == '*')
            && !c.is_whitespace()
            && !c.is_control()
            && !is_invisible(c)
            && !matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | REPLACED)
            && !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
            && !is_noncharacter(c)
            || matches!(c, '\u{FE0F}')
    })
}

/// Characters that take no room and that no reader can see, joiners apart.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}'..='\u{2065}'
        | '\u{206A}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

fn is_noncharacter(c: char) -> bool {
    let point = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&point) || point & 0xFFFE == 0xFFFE
}

fn is_combining(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// UTF-16 code units: the stricter way to count (see [`limits`]).
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Characters as a person counts them.
pub fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

/// At most `max` units; a cut text ends in `SHORTENED`.
pub fn shorten(text: &str, max: usize) -> String {
    shorten_as(SHORTENED, text, max)
}

/// The same with the mark in the message's language.
pub fn shorten_as(mark: &str, text: &str, max: usize) -> String {
    if units(text) <= max {
        return text.to_owned();
    }
    let mark = if max > 2 * units(mark) { mark } else { "…" };
    let gap = if mark == "…" { "" } else { " " };
    let mut short = head(text, max.saturating_sub(units(mark) + gap.len())).trim_end().to_owned();
    while open_isolates(&short) > 0 {
        let room = max.saturating_sub(units(mark) + gap.len() + open_isolates(&short));
        if units(&short) <= room {
            close(&mut short);
        } else {
            short = head(&short, room).trim_end().to_owned();
        }
    }
    format!("{short}{gap}{mark}")
}

/// At most `max` units; a cut text keeps both its ends around the mark.
pub fn shorten_middle_as(mark: &str, text: &str, max: usize) -> String {
    if units(text) <= max {
        return text.to_owned();
    }
    let inner = whole_isolate(text);
    let room = max.saturating_sub(units(mark) + 4 + if inner.is_some() { 2 } else { 0 });
    if room < 12 {
        return shorten_as(mark, text, max);
    }
    let tail_room = room / 3;
    let uncut = inner.unwrap_or(text);
    let head = head(uncut, room - tail_room).trim_end();
    let tail = tail(uncut, tail_room).trim_start();
    let short = format!("{head} {mark} … {tail}");
    match inner {
        Some(_) => format!("{ISOLATE}{short}{POP}"),
        None if open_isolates(&short) > 0 => shorten_as(mark, text, max),
        None => short,
    }
}

/// What is between the ends of an isolate that is the whole text.
fn whole_isolate(text: &str) -> Option<&str> {
    text.strip_prefix(ISOLATE)?.strip_suffix(POP).filter(|inner| !inner.contains([ISOLATE, POP]))
}

/// First strong isolate: what follows is laid out by its own first letter, apart from what stands around it.
const ISOLATE: char = '\u{2068}';
/// The end of an isolate.
const POP: char = '\u{2069}';

/// Text that stands for itself in a line: letters that are written from right to left would else take the digits and signs
/// beside them along, and "5 -> 3" read as "3 <- 5".
///
/// Takes clean text: [`clean`] has replaced the isolates that came with a row.
pub fn isolated(text: &str) -> String {
    if text.chars().any(is_right_to_left) { format!("{ISOLATE}{text}{POP}") } else { text.to_owned() }
}

/// The same for a sentence that a template yielded: one from right to left throughout, with one number at most, is laid out
/// as a whole, or the number behind its last word would stand before its first.
pub fn isolated_sentence(text: &str) -> String {
    let turns = text.chars().any(|c| c.is_alphabetic() && !is_right_to_left(c));
    let numbers = text.split_whitespace().filter(|word| word.contains(char::is_numeric)).count();
    if turns || numbers > 1 { isolated_parts(text) } else { isolated(text) }
}

/// The same for a name that a template yielded: in parts only where letters of both directions are in it.
pub fn isolated_name(text: &str) -> String {
    let mixed = text.chars().any(|c| c.is_alphabetic() && !is_right_to_left(c));
    if mixed { isolated_parts(text) } else { isolated(text) }
}

/// The same for a text that a template put together: each part that is written from right to left by itself.
pub fn isolated_parts(text: &str) -> String {
    if !text.chars().any(is_right_to_left) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    // What is behind the last letter from right to left belongs to the part only if another such letter follows, with
    // nothing between them but spaces and signs, or a number by itself: "flat 5 rooms", not "5 -> 3".
    let mut behind: Option<usize> = None;
    for c in text.chars() {
        if is_right_to_left(c) {
            if let Some(end) = behind.take_if(|end| !stays_within(&out[*end..])) {
                out.insert(end, POP);
            }
            if behind.is_none() {
                out.push(ISOLATE);
            }
            out.push(c);
            behind = Some(out.len());
            continue;
        }
        if c.is_alphabetic()
            && let Some(end) = behind.take()
        {
            out.insert(end, POP);
        }
        out.push(c);
    }
    if let Some(end) = behind {
        out.insert(end, POP);
    }
    out
}

/// Whether what stands between two letters from right to left reads along with them.
fn stays_within(between: &str) -> bool {
    let numbers = between.split_whitespace().filter(|word| word.contains(char::is_numeric)).count();
    numbers == 0 || (numbers == 1 && between.chars().all(|c| c.is_numeric() || c.is_whitespace()))
}

/// Isolates that nothing ends.
fn open_isolates(text: &str) -> usize {
    text.chars().fold(0, |open: usize, c| match c {
        ISOLATE => open + 1,
        POP => open.saturating_sub(1),
        _ => open,
    })
}

fn close(text: &mut String) {
    for _ in 0..open_isolates(text) {
        text.push(POP);
    }
}

/// Letters of scripts that are written from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic and the
/// historic ones (Unicode's classes R and AL, by block).
fn is_right_to_left(c: char) -> bool {
    let block = matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFE}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}');
    block && c.is_alphabetic()
}

/// The longest beginning of at most `max` units that ends between two characters as a reader sees them.
pub fn head(text: &str, max: usize) -> &str {
    let mut used = 0;
    let mut end = 0;
    for (start, grapheme) in text.grapheme_indices(true) {
        used += units(grapheme);
        if used > max {
            break;
        }
        end = start + grapheme.len();
    }
    &text[..end]
}

/// The longest end of at most `max` units, like [`head`].
pub fn tail(text: &str, max: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (index, grapheme) in text.grapheme_indices(true).rev() {
        used += units(grapheme);
        if used > max {
            break;
        }
        start = index;
    }
    &text[start..]
}

/// A cleaned label or name, short enough for its place.
pub fn label(raw: &str) -> String {
    isolated(&shorten_as("…", clean(raw).trim(), limits::LABEL))
}
