//! What changed inside a long text: the words, with a little around them.

use super::limits::{DIFF_CONTEXT, DIFF_PLACES, VALUE};
use super::locale::Locale;
use super::model::{Mark, Span};
use super::safe;
use unicode_segmentation::UnicodeSegmentation;

/// Cells of the comparison's table. A larger middle is shown as replaced in one piece, so that two
/// texts of a million words cost no more than reading them.
const CELLS_MAX: usize = 250_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Same,
    Gone,
    Come,
}

/// The changed words of two clean texts; `None` where they have too little in common for that.
pub fn words(old: &str, new: &str, locale: &Locale) -> Option<Vec<Span>> {
    let pieces = pieces(old, new);
    let same: usize = pieces.iter().filter(|(part, _)| *part == Part::Same).map(|(_, text)| text.trim().len()).sum();
    // A quarter in common, or the reader gains nothing from a mixture of both.
    if same * 4 < old.len().max(new.len()) {
        return None;
    }
    Some(spans(&pieces, locale))
}

fn pieces(old: &str, new: &str) -> Vec<(Part, String)> {
    let old: Vec<&str> = old.split_word_bounds().collect();
    let new: Vec<&str> = new.split_word_bounds().collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);

    let mut pieces = Pieces::default();
    pieces.add(Part::Same, &old[..head]);
    if old_mid.len().saturating_mul(new_mid.len()) > CELLS_MAX {
        pieces.add(Part::Gone, old_mid);
        pieces.add(Part::Come, new_mid);
    } else {
        middle(old_mid, new_mid, &mut pieces);
    }
    pieces.add(Part::Same, &old_rest[old_rest.len() - tail..]);
    merged(pieces.0)
}

#[derive(Default)]
struct Pieces(Vec<(Part, String)>);

impl Pieces {
    fn add(&mut self, part: Part, words: &[&str]) {
        if words.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some((last, text)) if *last == part => text.extend(words.iter().copied()),
            _ => self.0.push((part, words.concat())),
        }
    }
}

/// Longest common subsequence, by the table of its lengths.
fn middle(old: &[&str], new: &[&str], pieces: &mut Pieces) {
    let width = new.len() + 1;
    let mut lengths = vec![0u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if old[i] == new[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            pieces.add(Part::Same, &old[i..=i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) {
            pieces.add(Part::Gone, &old[i..=i]);
            i += 1;
        } else {
            pieces.add(Part::Come, &new[j..=j]);
            j += 1;
        }
    }
}

/// Joins changes that only a space or a comma separates: "~light oak~ **dark ash**" reads better
/// than four pieces.
fn merged(pieces: Vec<(Part, String)>) -> Vec<(Part, String)> {
    let mut out: Vec<(Part, String)> = Vec::new();
    let (mut gone, mut come) = (String::new(), String::new());
    let count = pieces.len();
    for (index, (part, text)) in pieces.into_iter().enumerate() {
        let open = !gone.is_empty() || !come.is_empty();
        match part {
            Part::Gone => gone.push_str(&text),
            Part::Come => come.push_str(&text),
            Part::Same if open && index + 1 < count && !text.chars().any(char::is_alphanumeric) && text.len() < 4 => {
                gone.push_str(&text);
                come.push_str(&text);
            }
            Part::Same => {
                flush(&mut out, &mut gone, &mut come);
                out.push((Part::Same, text));
            }
        }
    }
    flush(&mut out, &mut gone, &mut come);
    out
}

fn flush(out: &mut Vec<(Part, String)>, gone: &mut String, come: &mut String) {
    if !gone.is_empty() {
        out.push((Part::Gone, std::mem::take(gone)));
    }
    if !come.is_empty() {
        out.push((Part::Come, std::mem::take(come)));
    }
}

fn spans(pieces: &[(Part, String)], locale: &Locale) -> Vec<Span> {
    let shortened = |text: &str| safe::shorten_middle_as(locale.phrases().shortened, text.trim(), VALUE / 2);
    let mut spans = Vec::new();
    let mut places = 0;
    for (index, (part, text)) in pieces.iter().enumerate() {
        let first = index == 0;
        let last = index + 1 == pieces.len();
        match part {
            Part::Same => {
                if places >= DIFF_PLACES && !last {
                    let more = places_in(&pieces[index..]);
                    spans.push(Span::new(Mark::Plain, beginning(text)));
                    let more = locale.counted(more as u64, locale.phrases().more_places);
                    spans.push(Span::new(Mark::Quiet, format!(" {more}")));
                    break;
                }
                let shown = match (first, last) {
                    (true, _) => ending(text),
                    (_, true) => beginning(text),
                    _ if safe::units(text) > 2 * DIFF_CONTEXT + 5 => {
                        // One ellipsis stands for the middle, not one for each end of it.
                        let ending = ending(text);
                        format!("{} {}", beginning(text), ending.trim_start_matches("… "))
                    }
                    _ => text.clone(),
                };
                spans.push(Span::new(Mark::Plain, shown));
            }
            Part::Gone => {
                places += 1;
                let followed = matches!(pieces.get(index + 1), Some((Part::Come, _)));
                spans.push(Span::new(Mark::Plain, leading_space(text)));
                spans.push(Span::new(Mark::Old, shortened(text)));
                // What was and what is stand apart by a space of their own.
                spans.push(Span::new(Mark::Plain, if followed { " " } else { trailing_space(text) }));
            }
            Part::Come => {
                let follows = index > 0 && pieces[index - 1].0 == Part::Gone;
                if !follows {
                    places += 1;
                    spans.push(Span::new(Mark::Plain, leading_space(text)));
                }
                spans.push(Span::new(Mark::New, shortened(text)));
                spans.push(Span::new(Mark::Plain, trailing_space(text)));
            }
        }
    }
    spans.retain(|span| !span.text.is_empty());
    spans.into_iter().map(|span| Span { text: safe::isolated(&span.text), ..span }).collect()
}

fn places_in(pieces: &[(Part, String)]) -> usize {
    let starts = |index: usize| index == 0 || pieces[index - 1].0 == Part::Same;
    pieces.iter().enumerate().filter(|(index, (part, _))| *part != Part::Same && starts(*index)).count()
}

fn leading_space(text: &str) -> &'static str {
    if text.starts_with(char::is_whitespace) { " " } else { "" }
}

fn trailing_space(text: &str) -> &'static str {
    if text.ends_with(char::is_whitespace) { " " } else { "" }
}

/// The last words of an unchanged part, before a change.
fn ending(text: &str) -> String {
    if safe::units(text) <= DIFF_CONTEXT + 3 {
        return text.to_owned();
    }
    let tail = safe::tail(text, DIFF_CONTEXT);
    // Begin at a word where there is one.
    let start = tail.find(' ').filter(|at| *at < tail.len() / 2).map_or(0, |at| at + 1);
    format!("… {}", tail[start..].trim_start())
}

/// The first words of an unchanged part, after a change.
fn beginning(text: &str) -> String {
    if safe::units(text) <= DIFF_CONTEXT + 3 {
        return text.to_owned();
    }
    let head = safe::head(text, DIFF_CONTEXT);
    let end = head.rfind(' ').filter(|at| *at > head.len() / 2).unwrap_or(head.len());
    format!("{} …", head[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let spans = words(old, new, &Locale::english()).unwrap_or_default();
        spans
            .iter()
            .map(|span| match span.mark {
                Mark::Old => format!("~{}~", span.text),
                Mark::New => format!("**{}**", span.text),
                _ => span.text.clone(),
            })
            .collect()
    }

    #[test]
    fn the_changed_words_stand_between_a_little_of_what_stayed() {
        let old = "A chair for the kitchen or the garden, made of solid oak, light finish, hand-oiled in our workshop by the lake";
        assert_eq!(
            shown(old, &old.replace("light", "dark")),
            "… garden, made of solid oak, ~light~ **dark** finish, hand-oiled in our …"
        );
        assert_eq!(
            shown(old, &old.replace("solid oak, light", "old ash, dark")),
            "… or the garden, made of ~solid oak, light~ **old ash, dark** finish, hand-oiled in our …"
        );
        assert_eq!(shown(old, &format!("{old} since 1950")), "… in our workshop by the lake **since 1950**");
    }

    #[test]
    fn texts_with_nothing_in_common_are_not_mixed() {
        assert_eq!(words("one two three", "vier fünf sechs", &Locale::english()), None);
    }

    #[test]
    fn a_rewritten_million_words_is_read_once() {
        let old = "a b ".repeat(250_000);
        let new = "b a ".repeat(250_000);
        let _ = words(&old, &new, &Locale::english());
    }
}
