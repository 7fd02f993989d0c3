//! The fixed words of messages, by language.
//!
//! A phrase is a text with places in braces, `{label} dropped`. Every language has the same places (tested); `en.rs` is the
//! one to read, and the one to begin a translation from. Nouns, labels and titles come from the config or the database: a
//! phrase must not need their gender.

mod de;
mod en;
mod es;
mod fr;
mod ja;

pub use en::EN;

use bigdecimal::BigDecimal;

/// The words of the language, by its code.
pub fn of(language: &str) -> Option<&'static Phrases> {
    match language {
        "en" => Some(&en::EN),
        "de" => Some(&de::DE),
        "fr" => Some(&fr::FR),
        "es" => Some(&es::ES),
        "ja" => Some(&ja::JA),
        _ => None,
    }
}

/// Which numbers take the singular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Singular {
    /// 1 alone.
    One,
    /// Everything below two: French.
    BelowTwo,
    /// None: Japanese.
    Never,
}

impl Singular {
    /// Whether this number takes it.
    pub fn holds(self, number: &BigDecimal) -> bool {
        match self {
            Singular::One => number.abs() == 1,
            Singular::BelowTwo => number.abs() < 2,
            Singular::Never => false,
        }
    }
}

/// A phrase for one thing, and for several.
pub type Plural = [&'static str; 2];

/// A phrase with its places filled. What is filled in is not looked at again.
pub fn fill(phrase: &str, places: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(phrase.len() + 32);
    let mut rest = phrase;
    while let Some((before, from)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = from.split_once('}') else {
            rest = from;
            break;
        };
        debug_assert!(places.iter().any(|(known, _)| *known == name), "{name} in {phrase}");
        out.extend(places.iter().filter(|(known, _)| *known == name).map(|(_, text)| *text));
        rest = after;
    }
    out.push_str(rest);
    out
}

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// See the module's text.
        #[derive(Debug)]
        pub struct Phrases {
            /// Which numbers take the first of two words.
            pub singular: Singular,
            /// Whether a noun within a sentence begins with a small letter.
            pub nouns_are_small: bool,
            $($(#[$doc])* pub $name: $kind,)*
        }

        #[cfg(test)]
        impl Phrases {
            /// Every phrase by its name, for the tests.
            pub fn all(&self) -> Vec<(&'static str, Vec<&'static str>)> {
                vec![$((stringify!($name), Texts::texts(&self.$name)),)*]
            }
        }
    };
}

#[cfg(test)]
trait Texts {
    fn texts(&self) -> Vec<&'static str>;
}

#[cfg(test)]
impl Texts for &'static str {
    fn texts(&self) -> Vec<&'static str> {
        vec![self]
    }
}

#[cfg(test)]
impl<const N: usize> Texts for [&'static str; N] {
    fn texts(&self) -> Vec<&'static str> {
        self.to_vec()
    }
}

phrases! {
    // The headline.
    /// What was done to a row that has a title.
    did_titled: &'static str,
    /// ... that has none, but a key.
    did_keyed: &'static str,
    /// ... of which nothing is known.
    did: &'static str,
    /// Verbs of the three above.
    added: &'static str,
    removed: &'static str,
    changed: &'static str,
    /// A row of a snapshot, which did not change.
    existing: &'static str,
    /// The key is another one, and which is not known.
    rekeyed: &'static str,
    columns: &'static str,
    moved: &'static str,
    moved_titled: &'static str,
    /// A table that lost all its rows; the plural of what it holds is known, or not.
    emptied: &'static str,
    emptied_table: &'static str,
    message: &'static str,
    /// What happened to which row.
    about: &'static str,
    fell: &'static str,
    rose: &'static str,
    fell_to_zero: &'static str,
    set: &'static str,
    cleared: &'static str,
    column_changed: &'static str,
    is_now: &'static str,
    out_of_stock: &'static str,
    in_stock: &'static str,

    // Values.
    yes: &'static str,
    no: &'static str,
    infinity: &'static str,
    was_empty: &'static str,
    empty: &'static str,
    was_empty_text: &'static str,
    empty_text: &'static str,
    blank: &'static str,
    not_sent: &'static str,
    no_elements: &'static str,
    none: &'static str,
    null: &'static str,
    unnamed: &'static str,
    characters: Plural,
    shortened: &'static str,
    byte: Plural,
    /// A thousand, a million, ... of bytes.
    byte_units: [&'static str; 4],
    /// Years, months, weeks, days, hours, minutes and seconds of a length of time, in short (CLDR's short units).
    duration_units: [&'static str; 7],
    points: &'static str,
    and_more: &'static str,
    more_places: Plural,

    // Lines.
    hidden_change: &'static str,
    hidden_value: &'static str,
    hidden_change_brief: &'static str,
    hidden: &'static str,
    now: &'static str,
    now_empty: &'static str,
    column_removed: &'static str,
    new_column: &'static str,
    other_content: &'static str,
    of_other_content: &'static str,
    text_changed: &'static str,
    invisible_change: &'static str,
    differs_invisibly: &'static str,
    differs_in_the_middle: &'static str,
    other_order: &'static str,
    old_unknown: Plural,
    left_out: &'static str,
    left_out_all: Plural,

    // Times.
    later: &'static str,
    earlier: &'static str,
    less_than_a_second: &'static str,
    days: Plural,
    hours: Plural,
    minutes: Plural,
    seconds: Plural,
    from_to: &'static str,

    // Beneath the lines.
    view: &'static str,
    rule: Plural,
    changes: Plural,
    /// The headline of a rule that the net of several changes would not meet.
    in_one_of: &'static str,
    changes_since: &'static str,
    tip: &'static str,
    link_left_out: &'static str,
    button_left_out: &'static str,
    row_unknown: &'static str,
    others_unknown: &'static str,
    from_a_snapshot: &'static str,
    sent_again: &'static str,
    template_failed: &'static str,
    simplified: &'static str,
    to_here: &'static str,
    to_channel: &'static str,
    to_everyone: &'static str,

    // Digests.
    changes_in_tables: &'static str,
    changes_in_many_tables: &'static str,
    came_too_late: &'static str,
    came_to_nothing: &'static str,
    lasting: &'static str,
    critical: &'static str,
    /// Several rows that all appeared, all went, ...; the plural of what they are is known, or not.
    did_many: &'static str,
    did_many_of: &'static str,
    changes_to: &'static str,
    changes_of: &'static str,
    row: &'static str,
    rows: &'static str,
    row_count: Plural,
    /// `9,800 changed`; verbs of it.
    counted: &'static str,
    seen: &'static str,
    tables_emptied: Plural,
    messages: &'static str,
    all_down: &'static str,
    all_up: &'static str,
    down_in: &'static str,
    up_in: &'static str,
    other_rules: &'static str,
    other_columns: &'static str,
    further_columns: &'static str,
    of_rule: &'static str,
    most_important: &'static str,
    all_rows_removed: &'static str,
    /// What was done to a row, behind its name: added, removed, seen by a snapshot, changed.
    row_did: [&'static str; 4],
    more_columns: &'static str,
    more_column: &'static str,
    counts_only: &'static str,
    not_shown: Plural,
    undone: Plural,
    old_not_sent: &'static str,
    expired: Plural,
    and_more_rules: &'static str,

    // What a channel has no room for, and what it updates.
    rows_left_out: Plural,
    remarks_left_out: Plural,
    latest_in_thread: &'static str,
    latest_in_place: &'static str,
}

#[cfg(test)]
mod tests;
