//! Addresses that a button may lead to.

use super::limits;
use super::safe;
use url::Url;

/// The address as it may be linked; `None` for anything but plain http or https.
///
/// The template comes from the config, but row data is rendered into it. Parsing and writing it
/// again leaves nothing that could end the URL early. A user name before the host
/// (`https://shop.example@evil.example/`) is refused: it only serves to look like another host.
pub fn checked(raw: &str) -> Option<String> {
    let raw = raw.trim();
    // The parser drops tabs and line breaks silently; an address that holds them was not meant as one.
    if raw.chars().any(|c| c.is_control() || c.is_whitespace()) || safe::clean(raw) != raw {
        return None;
    }
    let url = Url::parse(raw).ok()?;
    let web = matches!(url.scheme(), "http" | "https");
    let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    if !web || !plain {
        return None;
    }
    // Braces survive in a query; Teams evaluates `{{...}}` wherever it stands in a card.
    let text = url.as_str().replace('{', "%7B").replace('}', "%7D").replace('|', "%7C");
    (safe::units(&text) <= limits::SLACK_URL).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn only_plain_web_addresses_pass() {
        let kept = |raw: &str| checked(raw);
        assert_eq!(kept("https://shop.example/listings/1").as_deref(), Some("https://shop.example/listings/1"));
        assert_eq!(kept("HTTP://Shop.Example").as_deref(), Some("http://shop.example/"));
        assert_eq!(kept("https://a.example/?q={{DATE()}}").as_deref(), Some("https://a.example/?q=%7B%7BDATE()%7D%7D"));
        assert_eq!(kept("https://a.example/a|b>\"").as_deref(), Some("https://a.example/a%7Cb%3E%22"));
        for bad in [
            "",
            "listings/1",
            "javascript:alert(1)",
            "data:text/html,x",
            "mailto:a@b.example",
            "https://shop.example@evil.example/",
            "https://shop.example/a b",
            "https://shop.example/\u{202E}x",
            "java\nscript:alert(1)",
            "https://",
        ] {
            assert_eq!(kept(bad), None, "{bad:?}");
        }
        assert_eq!(kept(&format!("https://a.example/{}", "x".repeat(3_000))), None);
    }
}
