use super::*;
use std::collections::BTreeSet;

/// The names in braces.
fn places(phrase: &str) -> BTreeSet<&str> {
    phrase.split('{').skip(1).map(|rest| rest.split('}').next().unwrap_or(rest)).collect()
}

#[test]
fn every_language_has_the_places_that_english_has() {
    for language in ["de", "fr", "es", "ja"] {
        let phrases = of(language).map(Phrases::all).unwrap_or_default();
        for ((name, texts), (_, english)) in phrases.iter().zip(EN.all()) {
            for (text, english) in texts.iter().zip(english) {
                assert_eq!(places(text), places(english), "{language}: {name}: {text:?}");
                assert_eq!(text.matches('{').count(), places(text).len(), "{language}: {name}: {text:?}");
            }
        }
    }
}

#[test]
fn no_language_is_left_in_english() {
    // What is the same word in both.
    const SAME: [&str; 24] = [
        "did_titled",
        "did_keyed",
        "did",
        "about",
        "null",
        "byte",
        "byte_units",
        "points",
        "message",
        "messages",
        "lasting",
        "changes_of",
        "did_many",
        "did_many_of",
        "more_column",
        "of_rule",
        "counted",
        "no",
        "left_out",
        "changes_to",
        "tip",
        "infinity",
        "rule",
        "minutes",
    ];
    for language in ["de", "fr", "es", "ja"] {
        let phrases = of(language).map(Phrases::all).unwrap_or_default();
        for ((name, texts), (_, english)) in phrases.iter().zip(EN.all()) {
            assert!(*texts != english || SAME.contains(name), "{language}: {name} is English: {texts:?}");
        }
    }
}

#[test]
fn what_is_filled_in_is_not_looked_at_again() {
    assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "{a}")]), "{b} and {a}");
    assert_eq!(fill("no place", &[]), "no place");
}

#[test]
fn numbers_take_the_word_that_their_language_gives_them() {
    let holds = |singular: Singular, number: &str| singular.holds(&number.parse().unwrap_or_default());
    assert!(holds(Singular::One, "1") && holds(Singular::One, "-1") && !holds(Singular::One, "0"));
    assert!(holds(Singular::BelowTwo, "0") && holds(Singular::BelowTwo, "1.5") && !holds(Singular::BelowTwo, "2"));
    assert!(!holds(Singular::Never, "1"));
}
