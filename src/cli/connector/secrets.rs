//! What of a connector's settings nobody is shown.

use super::file::Settings;
use crate::cli::text::write_clean;
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;

/// Instead of a secret.
const HIDDEN: &str = "(hidden)";

/// Settings whose names hold one of these are secrets, whatever the plugin that brings them says of their type; those that
/// it defines as passwords are besides. Converters' and transforms' settings no connector defines.
const SECRET_WORDS: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "jaas",
    "authorization",
    "auth.user.info",
    "private.key",
    "privatekey",
    "ssl.key",
    "keystore.key",
    "api.key",
    "apikey",
    "access.key",
];

/// Is it only a name that a config provider of the worker fills in: `${env:CDC_PG_PASSWORD}`, `${file:/path:key}`?
fn is_reference(value: &str) -> bool {
    let inside = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| inside.contains(':') && !inside.contains(['{', '}', '$']))
}

fn is_secret(key: &str, value: &str, passwords: &[String]) -> bool {
    let lower = key.to_lowercase();
    let called = SECRET_WORDS.iter().any(|word| lower.contains(word));
    !value.is_empty() && !is_reference(value) && (called || passwords.iter().any(|defined| defined == key))
}

/// User and password of a URL, and parameters of one that are secrets.
fn without_inner(text: &str) -> Cow<'_, str> {
    let pattern = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).build();
    let replaced = |pattern: Result<Regex, regex::Error>, text: &str, with: &str| match pattern {
        Ok(pattern) => pattern.replace_all(text, with).into_owned(),
        // A pattern that is none would show what it should hide.
        Err(_) => HIDDEN.to_owned(),
    };
    if !text.contains("://") && !text.contains('=') {
        return Cow::Borrowed(text);
    }
    let text = replaced(pattern(r#"://[^\s"']*@"#), text, "://(hidden)@");
    let parameter = r#"\b(password|passwd|pwd|secret|token|sig|signature|api_?key)=[^&;,\s"']+"#;
    Cow::Owned(replaced(pattern(parameter), &text, "$1=(hidden)"))
}

/// The secrets of some settings, to be taken out of what is shown of them, and of what Kafka Connect says.
#[derive(Default)]
pub struct Hidden {
    /// Names of settings that the plugin defines as passwords.
    passwords: Vec<String>,
    /// The longest first: one may be part of another.
    secrets: Vec<String>,
}

impl Hidden {
    /// Those of settings whose plugin defines these as passwords.
    pub fn of<'s>(settings: impl IntoIterator<Item = Option<&'s Settings>>, passwords: Vec<String>) -> Self {
        let all = settings.into_iter().flatten().flatten();
        let secret = all.filter(|(key, value)| is_secret(key, value, &passwords));
        let mut secrets: Vec<_> = secret.map(|(_, value)| value.clone()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { passwords, secrets }
    }

    /// A setting's value as it may be shown.
    pub fn shown(&self, key: &str, value: &str) -> String {
        let mut text = String::new();
        match is_secret(key, value, &self.passwords) {
            true => text.push_str(HIDDEN),
            false => write_clean(&mut text, &without_inner(value), 6),
        }
        text
    }

    /// The text without them, and without what could move a terminal's cursor.
    pub fn without(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), HIDDEN);
        let text = self.secrets.iter().fold(text.to_owned(), hide);
        let mut clean = String::new();
        write_clean(&mut clean, &without_inner(&text), 2);
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_names_of_secrets_shown() {
        for (key, value, expected) in [
            ("database.password", "hunter2", "(hidden)"),
            ("database.password", "${env:CDC_PG_PASSWORD}", "${env:CDC_PG_PASSWORD}"),
            (
                "database.password",
                "${file:/etc/secrets/shop.properties:password}",
                "${file:/etc/secrets/shop.properties:password}",
            ),
            ("database.password", "${env:A}hunter2", "(hidden)"),
            ("database.password", "", ""),
            ("producer.override.sasl.jaas.config", "x required password=\"hunter2\";", "(hidden)"),
            ("value.converter.basic.auth.user.info", "user:hunter2", "(hidden)"),
            (
                "value.converter.schema.registry.url",
                "http://user:hunter2@registry:8081/a",
                "http://(hidden)@registry:8081/a",
            ),
            (
                "connection.url",
                "jdbc:x://db/shop?user=shop&Password=hunter2&ssl=true",
                "jdbc:x://db/shop?user=shop&Password=(hidden)&ssl=true",
            ),
            ("mongodb.connection.string", "mongodb://user:hun/ter2@a,b/?x", "mongodb://(hidden)@a,b/?x"),
            (
                "key.converter",
                "org.apache.kafka.connect.json.JsonConverter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
            ("transforms.x.regex", "a=b\u{1b}[2J", "a=b[2J"),
        ] {
            assert_eq!(Hidden::default().shown(key, value), expected, "{key}");
        }
    }

    #[test]
    fn what_the_plugin_defines_as_a_password_is_one_whatever_it_is_called() {
        let settings: Settings = [("shop.phrase".to_owned(), "hunter2".to_owned())].into();
        let hidden = Hidden::of([Some(&settings)], vec!["shop.phrase".to_owned()]);
        assert_eq!(hidden.shown("shop.phrase", "hunter2"), "(hidden)");
        assert_eq!(hidden.shown("shop.phrase", "${file:/run/a:phrase}"), "${file:/run/a:phrase}");
        assert_eq!(hidden.without("no such phrase: hunter2"), "no such phrase: (hidden)");
        assert_eq!(hidden.shown("shop.name", "oak"), "oak");
    }

    #[test]
    fn what_connect_says_is_shown_without_the_secrets_of_its_settings() {
        let settings = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Settings>()
        };
        let (ours, theirs) =
            (settings(&[("database.password", "hunter"), ("a.token", "")]), settings(&[("b.secret", "hunter2")]));
        let hidden = Hidden::of([Some(&ours), None, Some(&theirs)], Vec::new());
        assert_eq!(
            hidden.without("no hunter2, no hunter; amqp://me:you@host\nnext"),
            "no (hidden), no (hidden); amqp://(hidden)@host\n  next"
        );
    }
}
