//! A record of the dead-letter topic: a letter, or the mark that one was replayed.

use crate::change::RecordId;
use crate::cli::records::CapturedRecord;
use crate::config::units;
use crate::kafka::{REPLAYED_HEADER, StoredRecord};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::fmt;
use std::str::FromStr;

/// Headers of Rowbell's own begin so.
const OWN: &str = "rowbell.";

/// Where a letter stands in the dead-letter topic: `PARTITION:OFFSET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// Partition of the dead-letter topic.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').map(|(partition, offset)| (partition.parse(), offset.parse()));
        match parts {
            Some((Ok(partition), Ok(offset))) => Ok(LetterId { partition, offset }),
            _ => Err("write PARTITION:OFFSET as `rowbell dlq list` does, e.g. 0:12".to_owned()),
        }
    }
}

/// What a record of the topic is.
#[derive(Debug)]
pub enum Entry {
    /// A dead letter.
    Letter(Box<Letter>),
    /// The mark that a letter was replayed.
    Replayed(LetterId),
    /// Nothing of ours.
    Foreign,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Where it stands.
    pub id: LetterId,
    /// decode, rejected, exhausted, expired, removed
    pub reason: String,
    /// What the destination or the decoder said.
    pub error: String,
    /// Which destination it was for; none where it could not be decoded.
    pub destination: Option<String>,
    /// Which rules wanted it.
    pub rules: Vec<String>,
    /// Posts tried.
    pub attempts: u64,
    /// When it was given up.
    pub time: Option<Timestamp>,
    /// The record as it was, at its own place.
    pub record: CapturedRecord,
}

impl Entry {
    /// Reads a record of the topic.
    pub fn read(stored: StoredRecord) -> Entry {
        let header = |name: &str| {
            let (_, value) = stored.raw.headers.iter().rev().find(|(header, _)| header == name)?;
            Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
        };
        if let Some(replayed) = header(REPLAYED_HEADER) {
            return replayed.parse().map_or(Entry::Foreign, Entry::Replayed);
        }
        let place = (header("rowbell.topic"), header("rowbell.partition"), header("rowbell.offset"));
        let (Some(reason), (Some(topic), Some(Ok(partition)), Some(Ok(offset)))) =
            (header("rowbell.reason"), (place.0, place.1.map(|p| p.parse()), place.2.map(|o| o.parse())))
        else {
            return Entry::Foreign;
        };
        Entry::Letter(Box::new(Letter {
            id: LetterId { partition: stored.partition, offset: stored.offset },
            reason,
            error: header("rowbell.error").unwrap_or_default(),
            destination: header("rowbell.destination"),
            rules: header("rowbell.rule")
                .map(|names| names.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            attempts: header("rowbell.attempts").and_then(|text| text.parse().ok()).unwrap_or(0),
            time: header("rowbell.time").and_then(|text| text.parse().ok()),
            record: CapturedRecord {
                topic: topic.into(),
                partition,
                offset,
                timestamp_ms: None,
                headers: stored.raw.headers.into_iter().filter(|(name, _)| !name.starts_with(OWN)).collect(),
                key: stored.raw.key,
                value: stored.raw.value,
                line: 0,
            },
        }))
    }
}

impl Letter {
    /// Where the record stands that it is about.
    pub fn place(&self) -> RecordId {
        self.record.record().id()
    }

    /// One line of JSON.
    pub fn json(&self, replayed: bool) -> Json {
        let RecordId { topic, partition, offset } = self.place();
        json!({
            "letter": self.id.to_string(),
            "time": self.time.map(|time| time.to_string()),
            "reason": self.reason,
            "error": self.error,
            "destination": self.destination,
            "rules": self.rules,
            "attempts": self.attempts,
            "record": {"topic": *topic, "partition": partition, "offset": offset},
            "replayed": replayed,
        })
    }

    /// One line of text.
    pub fn line(&self, replayed: bool) -> String {
        let time = self.time.map_or_else(|| "at a time not told".to_owned(), |time| format!("{time:.0}"));
        let destination = self.destination.as_ref().map(|name| format!("  to {name}")).unwrap_or_default();
        let rules = if self.rules.is_empty() { String::new() } else { format!("  by {}", self.rules.join(", ")) };
        let replayed = if replayed { "  (replayed)" } else { "" };
        format!("{}  {time}  {}{destination}{rules}  {}  {}{replayed}", self.id, self.reason, self.place(), self.error)
    }
}

/// Which letters.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Filter {
    /// Only these letters, as `dlq list` names them: 0:12
    #[arg(value_name = "LETTER")]
    letters: Vec<LetterId>,

    /// Only those with this reason: decode, rejected, exhausted, expired, removed
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,

    /// Only those for this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,

    /// Only those that this rule wanted
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,

    /// Only those about this table: public.listings
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,

    /// Only those given up since then: 2026-11-23T20:00:00Z, or 2h ago
    #[arg(long, value_name = "TIME", value_parser = |text: &str| moment(text, Timestamp::now()))]
    since: Option<Timestamp>,

    /// Only those given up before then
    #[arg(long, value_name = "TIME", value_parser = |text: &str| moment(text, Timestamp::now()))]
    until: Option<Timestamp>,
}

impl Filter {
    /// True where nothing is asked for.
    pub fn is_empty(&self) -> bool {
        let Filter { letters, reason, destination, rule, table, since, until } = self;
        letters.is_empty()
            && [reason, destination, rule, table].iter().all(|word| word.is_none())
            && since.is_none()
            && until.is_none()
    }

    /// Is this one of them, as far as can be told without reading its record?
    pub fn wants(&self, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, found: Option<&String>| wanted.is_none() || wanted.as_ref() == found;
        (self.letters.is_empty() || self.letters.contains(&letter.id))
            && is(&self.reason, Some(&letter.reason))
            && is(&self.destination, letter.destination.as_ref())
            && self.rule.as_ref().is_none_or(|rule| letter.rules.contains(rule))
            && self.since.is_none_or(|since| letter.time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| letter.time.is_some_and(|time| time < until))
    }
}

/// A point in time, or so long before `now`.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let ago = text.trim().trim_end_matches("ago").trim();
    let relative = units::duration(ago).and_then(|span| now.checked_sub(span).ok());
    relative.or_else(|| text.parse().ok()).ok_or_else(|| "write 2026-11-23T20:00:00Z, or 30m, 2h, 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::RawRecord;

    fn stored(offset: i64, headers: &[(&str, &str)]) -> StoredRecord {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), Some(value.as_bytes().to_vec()))).collect();
        let raw = RawRecord { key: Some(b"k".to_vec()), value: Some(b"v".to_vec()), headers };
        StoredRecord { topic: "rowbell.dead-letter".into(), partition: 0, offset, timestamp_ms: None, raw }
    }

    const HEADERS: [(&str, &str); 9] = [
        ("__debezium.newkey", "x"),
        ("rowbell.reason", "rejected"),
        ("rowbell.error", "HTTP 400"),
        ("rowbell.destination", "ops"),
        ("rowbell.rule", "price,dear"),
        ("rowbell.topic", "shop.public.listings"),
        ("rowbell.partition", "2"),
        ("rowbell.offset", "77"),
        ("rowbell.time", "2026-11-23T20:00:57.940441Z"),
    ];

    fn letter() -> Letter {
        match Entry::read(stored(12, &HEADERS)) {
            Entry::Letter(letter) => *letter,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_letter_is_its_record_at_its_own_place_and_why() {
        let letter = letter();
        assert_eq!(letter.place().to_string(), "shop.public.listings:2:77");
        assert_eq!(letter.record.headers, [("__debezium.newkey".to_owned(), Some(b"x".to_vec()))]);
        assert_eq!(
            letter.line(true),
            "0:12  2026-11-23T20:00:57Z  rejected  to ops  by price, dear  shop.public.listings:2:77  HTTP 400  (replayed)"
        );
        assert_eq!(letter.json(false)["rules"], json!(["price", "dear"]));
    }

    #[test]
    fn marks_and_foreign_records_are_no_letters() {
        assert!(matches!(Entry::read(stored(0, &[(REPLAYED_HEADER, "0:12")])), Entry::Replayed(id) if id.offset == 12));
        assert!(matches!(Entry::read(stored(0, &[("rowbell.reason", "probe")])), Entry::Foreign));
        assert!(matches!(Entry::read(stored(0, &[])), Entry::Foreign));
    }

    #[test]
    fn each_filter_leaves_others_out() {
        let letter = letter();
        let text = |text: &str| Some(text.to_owned());
        let time = |text: &str| Some(text.parse().expect("a time"));
        assert!(Filter::default().is_empty() && Filter::default().wants(&letter));
        let id = |offset| vec![LetterId { partition: 0, offset }];
        for (filter, fits) in [
            (Filter { letters: id(12), ..Filter::default() }, true),
            (Filter { letters: id(13), ..Filter::default() }, false),
            (Filter { reason: text("rejected"), ..Filter::default() }, true),
            (Filter { reason: text("decode"), ..Filter::default() }, false),
            (Filter { destination: text("ops"), ..Filter::default() }, true),
            (Filter { destination: text("op"), ..Filter::default() }, false),
            (Filter { rule: text("dear"), ..Filter::default() }, true),
            (Filter { rule: text("price,dear"), ..Filter::default() }, false),
            (Filter { since: time("2026-11-23T20:00:57Z"), ..Filter::default() }, true),
            (Filter { since: time("2026-11-23T20:00:58Z"), ..Filter::default() }, false),
            (Filter { until: time("2026-11-23T20:00:58Z"), ..Filter::default() }, true),
            (Filter { until: time("2026-11-23T20:00:57Z"), ..Filter::default() }, false),
        ] {
            assert_eq!(filter.wants(&letter), fits, "{filter:?}");
            assert!(!filter.is_empty());
        }
    }

    #[test]
    fn moments_are_times_or_ages() {
        let now: Timestamp = "2026-11-25T01:00:00Z".parse().expect("a time");
        let moment = |text| moment(text, now).map(|time| time.to_string());
        assert_eq!(moment("2026-11-23T20:00:00Z").as_deref(), Ok("2026-11-23T20:00:00Z"));
        assert_eq!(moment("2h").as_deref(), Ok("2026-11-24T23:00:00Z"));
        assert_eq!(moment("2 h ago").as_deref(), Ok("2026-11-24T23:00:00Z"));
        assert!(moment("yesterday").is_err());
    }
}
