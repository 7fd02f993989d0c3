//! What differs between the settings in Kafka Connect and those in a file.

use super::file::Settings;
use super::secrets::Hidden;
use std::collections::BTreeSet;

/// One setting that differs.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<'s> {
    key: &'s str,
    /// In Kafka Connect.
    have: Option<&'s str>,
    /// In the file.
    want: Option<&'s str>,
}

/// By key.
pub fn between<'s>(have: &'s Settings, want: &'s Settings) -> Vec<Difference<'s>> {
    let keys: BTreeSet<_> = have.keys().chain(want.keys()).collect();
    let of = |settings: &'s Settings, key| settings.get(key).map(String::as_str);
    let all = keys.into_iter().map(|key| Difference { key, have: of(have, key), want: of(want, key) });
    all.filter(|difference| difference.have != difference.want).collect()
}

/// A line each.
pub fn text(differences: &[Difference<'_>], hidden: &Hidden) -> String {
    let mut text = count(differences);
    let shown = |key: &str, value: &str| hidden.shown(key, value);
    for Difference { key, have, want } in differences {
        let line = match (have.map(|value| shown(key, value)), want.map(|value| shown(key, value))) {
            (Some(have), Some(want)) => format!("~ {key}: {have} -> {want}"),
            (Some(have), None) => format!("- {key}: {have}"),
            (None, want) => format!("+ {key}: {}", want.unwrap_or_default()),
        };
        text.push_str("\n  ");
        text.push_str(&line);
    }
    text
}

/// How many.
pub fn count(differences: &[Difference<'_>]) -> String {
    match differences.len() {
        0 => "no difference".to_owned(),
        1 => "1 setting differs".to_owned(),
        many => format!("{many} settings differ"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_new_gone_and_changed_has_a_line_each() {
        let have = settings(&[("a", "1"), ("b", "1"), ("database.password", "hunter2"), ("same", "x")]);
        let want = settings(&[("b", "2"), ("c", "3"), ("database.password", "${env:PW}"), ("same", "x")]);
        assert_eq!(
            text(&between(&have, &want), &Hidden::default()),
            "4 settings differ\n  - a: 1\n  ~ b: 1 -> 2\n  + c: 3\n  ~ database.password: (hidden) -> ${env:PW}"
        );
        assert_eq!(text(&between(&want, &want), &Hidden::default()), "no difference");
    }
}
