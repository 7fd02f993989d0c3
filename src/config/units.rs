//! Values with units: `30s`, `64MiB`, `25/5m`.

use crate::outbox::Rate;
use serde::de::{Deserialize, Deserializer, Error};
use std::time::Duration;

/// A length of time: `20ms`, `30s`, `5m`, `2h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A number of bytes: `4096`, `64MiB`, `1GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// Parses `30s` and its like.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..split].parse().ok()?;
    let unit_ms: u64 = match text[split..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// Parses `64MiB` and its like.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    let unit: u64 = match text[split..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// Parses `1/s`, `25/5m`: so many posts in so long.
pub fn rate(text: &str) -> Option<Rate> {
    let (posts, per) = text.split_once('/')?;
    let posts: u32 = posts.trim().parse().ok()?;
    let per = per.trim();
    // `1/s` means one per one second.
    let per =
        if per.starts_with(|c: char| c.is_ascii_digit()) { duration(per)? } else { duration(&format!("1{per}"))? };
    Rate::new(posts, per)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Span).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a length of time\nhint: write it like 500ms, 30s, 5m, 2h or 7d"))
        })
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl serde::de::Visitor<'_> for NumberOrText {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of bytes")
            }
            fn visit_i64<E: Error>(self, v: i64) -> Result<Bytes, E> {
                u64::try_from(v).map(Bytes).map_err(|_| E::custom("a number of bytes cannot be negative"))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                bytes(text).map(Bytes).ok_or_else(|| {
                    E::custom(format!("{text:?} is not a number of bytes\nhint: write it like 4096, 64KiB or 64MiB"))
                })
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        rate(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a rate\nhint: posts per time, like 1/s, 25/5m or 100/h"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_as_people_write_them() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        assert_eq!(duration("30"), None);
        assert_eq!(duration("s"), None);
        assert_eq!(bytes("64MiB"), Some(64 << 20));
        assert_eq!(bytes("4096"), Some(4096));
        assert_eq!(bytes("18446744073709551615GiB"), None);
        assert_eq!(rate("1/s"), Rate::new(1, Duration::from_secs(1)));
        assert_eq!(rate("25/5m"), Rate::new(25, Duration::from_secs(300)));
        assert_eq!(rate("0/s"), None);
        assert_eq!(rate("fast"), None);
    }
}
