//! Which values of the file are secrets: they are never shown, and are better not written into it.

use super::diagnostic::Place;
use super::tree::{Kind, Node};
use url::Url;

/// A secret that stands in the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it begins.
    pub place: Place,
    /// Its key, with those above it.
    pub path: String,
    /// The last line that may hold a part of it.
    pub last_line: u32,
    /// Whoever reads it can use it: no address of this machine, none that is kept for examples.
    pub usable: bool,
}

/// Keys whose values are secrets, wherever they stand.
const KEYS: &[&str] = &["webhook_url", "workflow_url", "token", "secret", "password"];

/// Words in names of librdkafka's properties, and of settings to come, whose values are secrets.
const WORDS: &[&str] = &["password", "passphrase", "secret", "token", "jaas", "pem", "credential"];

/// Parameters of a URL that let in whoever has them.
const PARAMETERS: &[&str] = &["sig", "token", "key", "secret", "password", "code", "auth", "apikey", "api_key"];

/// The secrets of a tree whose references are not resolved yet.
pub fn find(root: &Node) -> Vec<Secret> {
    let (mut found, mut places) = (Vec::new(), Vec::new());
    walk(root, &mut Vec::new(), &mut found, &mut places);
    places.sort_unstable();
    for secret in &mut found {
        let next = places.iter().find(|place| **place > secret.place);
        secret.last_line = next.map_or(u32::MAX, |next| (next.line.saturating_sub(1)).max(secret.place.line));
    }
    found
}

fn walk<'n>(node: &'n Node, path: &mut Vec<&'n str>, found: &mut Vec<Secret>, places: &mut Vec<Place>) {
    places.push(node.place);
    match &node.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                places.push(key.place);
                path.push(&key.text);
                walk(value, path, found, places);
                path.pop();
            }
        }
        Kind::List(items) => items.iter().for_each(|item| walk(item, path, found, places)),
        Kind::Text(text) => {
            if let Some(usable) = secret(path, text) {
                found.push(Secret { place: node.place, path: path.join("."), last_line: node.place.line, usable });
            }
        }
        // A password of digits.
        Kind::Int(_) | Kind::Float(_) if secret(path, "0").is_some() => {
            found.push(Secret { place: node.place, path: path.join("."), last_line: node.place.line, usable: true });
        }
        Kind::Int(_) | Kind::Float(_) | Kind::Null | Kind::Bool(_) => {}
    }
}

/// `None` where there is nothing to hide; true where whoever reads it can use it.
fn secret(path: &[&str], text: &str) -> Option<bool> {
    let written = literal(text);
    if written.trim().is_empty() {
        return None;
    }
    let key = path.last()?.to_ascii_lowercase();
    let is_url = key.ends_with("url") || key == "proxy";
    // In a webhook's own URL only what is made to let somebody in counts.
    let called = KEYS.contains(&key.as_str())
        || WORDS.iter().any(|word| key.contains(word)) && !key.ends_with("location") && !key.ends_with("mechanism");
    match (called, is_url) {
        (true, _) => Some(!is_url || !harmless(&written)),
        (false, true) => {
            let opens = Url::parse(&written).is_ok_and(|url| {
                let named = |(name, _): (std::borrow::Cow<'_, str>, _)| {
                    PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
                };
                url.password().is_some() || url.query_pairs().any(named)
            });
            (opens || path.first() == Some(&"destinations")).then(|| opens && !harmless(&written))
        }
        (false, false) => None,
    }
}

/// What of a text stands in the file itself: what is between its references, and their defaults.
fn literal(text: &str) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        written.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('}') else { break };
        let reference = &rest[start + 2..start + end];
        written.push_str(reference.split_once(":-").map_or("", |(_, default)| default));
        rest = &rest[start + end + 1..];
    }
    written + rest
}

/// Addresses of this machine, and those that are kept for examples (RFC 2606, RFC 6761).
fn harmless(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => {
            name == "localhost"
                || [".localhost", ".example", ".invalid", ".test", "example.com", "example.org", "example.net"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Report, tree};

    #[test]
    fn secrets_are_found_wherever_they_may_stand() {
        let text = "kafka:\n  properties:\n    sasl.password: hunter2\n    ssl.key.location: /key\n    sasl.jaas.config: |\n      \
                    user\n      hunter2\n    security.protocol: SSL\nschema_registry: { url: \"http://me:pw@registry\", token: \"${env:T}\" }\n\
                    destinations:\n  a: { slack: { webhook_url: \"https://hooks.slack.com/x\" } }\n  b: { slack: { webhook_url: \"http://127.0.0.1:1/x\" } }\n  \
                    c: { slack: { token: \"${env:T:-xoxb}\", channel: C1 } }\n  d: { webhook: { url: \"https://erp.corp/x\", secret: 12 } }\n  \
                    e: { webhook: { url: \"https://erp.corp/x?sig=1\" } }\n";
        let mut report = Report::new("f");
        let root = tree::parse(text, &mut report).unwrap_or_else(|| panic!("{report}"));
        let found: Vec<_> = find(&root).into_iter().map(|s| (s.path, s.place.line, s.last_line, s.usable)).collect();
        let is = |path: &str, line, last, usable| (path.to_owned(), line, last, usable);
        assert_eq!(
            found,
            [
                is("kafka.properties.sasl.password", 3, 3, true),
                is("kafka.properties.sasl.jaas.config", 6, 7, true),
                is("schema_registry.url", 9, 9, true),
                is("destinations.a.slack.webhook_url", 11, 11, true),
                is("destinations.b.slack.webhook_url", 12, 12, false),
                is("destinations.c.slack.token", 13, 13, true),
                is("destinations.d.webhook.url", 14, 14, false),
                is("destinations.d.webhook.secret", 14, 14, true),
                is("destinations.e.webhook.url", 15, u32::MAX, true),
            ]
        );
    }
}
