//! How the figures are written.

use super::run::{DestinationFigures, Ended, RuleFigures};
use crate::cli::text::Style;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::time::Duration;

/// Hours that text shows of a destination, the busiest.
const HOURS_SHOWN: usize = 5;

/// Everything as one object (docs/backtest.md).
pub fn json(ended: &[Ended]) -> Json {
    json!({ "runs": ended.iter().map(run).collect::<Vec<_>>() })
}

fn run(ended: &Ended) -> Json {
    let rule = |rule: &RuleFigures| json!({ "rule": rule.name, "changes": rule.changes, "posts": rule.posts, "failed": rule.failed });
    let destination = |found: &DestinationFigures| {
        let [critical, normal, low] = found.waits.map(|wait| wait.as_secs_f64());
        let hours: serde_json::Map<_, _> =
            found.hours.iter().map(|(at, posts)| (hour(*at), Json::from(*posts))).collect();
        json!({
            "destination": found.name,
            "changes": found.changes,
            "posts": found.posts,
            "digests": found.digests,
            "digested": found.digested,
            "folded": found.folded,
            "nothing": found.nothing,
            "expired": found.expired,
            "delayed": found.delayed,
            "worst_wait_seconds": { "critical": critical, "normal": normal, "low": low, "digest": found.digest_wait.as_secs_f64() },
            "most_pending": found.pending,
            "posts_by_hour": hours,
        })
    };
    json!({
        "config": ended.file,
        "records": ended.records,
        "repeats": ended.repeats,
        "undecodable": ended.undecodable,
        "from": ended.span_ms.map(|(from, _)| time(from)),
        "to": ended.span_ms.map(|(_, to)| time(to)),
        "rules": ended.rules.iter().map(rule).collect::<Vec<_>>(),
        "destinations": ended.destinations.iter().map(destination).collect::<Vec<_>>(),
    })
}

fn time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |time| time.to_string())
}

/// `2026-11-23T20:00Z`
fn hour(number: i64) -> String {
    let start = Timestamp::from_second(number.saturating_mul(3600));
    start.map_or_else(|_| number.to_string(), |start| start.strftime("%Y-%m-%dT%H:%MZ").to_string())
}

/// Tables for people; of two runs one column each.
pub fn text(ended: &[Ended], style: Style) -> String {
    let (bold, end) = if style == Style::Ansi { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let mut out = String::new();
    let Some(first) = ended.first() else { return out };
    let span = first.span_ms.map_or_else(String::new, |(from, to)| {
        format!(
            ", {} to {}, {}",
            time(from),
            time(to),
            length(Duration::from_millis(u64::try_from(to - from).unwrap_or(0)))
        )
    });
    let _ = writeln!(out, "{} records{span}", first.records);
    for (count, words) in [
        (first.repeats, "sent again by the source, posted once"),
        (first.undecodable, "cannot be decoded: dead letters"),
    ] {
        if count > 0 {
            let _ = writeln!(out, "{count} {words}");
        }
    }
    for run in ended {
        let _ = writeln!(out, "\n{bold}{}{end}", run.file);
        let mut rules = vec![row(["rule", "changes", "posts", "failed"])];
        rules.extend(
            run.rules
                .iter()
                .map(|rule| row([&rule.name, &rule.changes.to_string(), &rule.posts.to_string(), &dash(rule.failed)])),
        );
        table(&mut out, &rules);
        out.push('\n');
        let mut lanes = vec![row([
            "destination",
            "changes",
            "posts",
            "digests",
            "in digests",
            "folded",
            "undone",
            "expired",
            "waited 1 s",
            "pending",
        ])];
        lanes.extend(run.destinations.iter().map(|found| {
            row([
                &found.name,
                &found.changes.to_string(),
                &found.posts.to_string(),
                &dash(found.digests),
                &dash(found.digested),
                &dash(found.folded),
                &dash(found.nothing),
                &dash(found.expired),
                &dash(found.delayed),
                &dash(found.pending as u64),
            ])
        }));
        table(&mut out, &lanes);
        out.push('\n');
        let mut waits = vec![row(["worst wait", "critical", "normal", "low", "in a digest"])];
        waits.extend(run.destinations.iter().map(|found| {
            let [critical, normal, low] = found.waits.map(length);
            row([&found.name, &critical, &normal, &low, &length(found.digest_wait)])
        }));
        table(&mut out, &waits);
        for found in run.destinations.iter().filter(|found| !found.hours.is_empty()) {
            let mut hours: Vec<_> = found.hours.iter().collect();
            hours.sort_by_key(|(at, posts)| (std::cmp::Reverse(**posts), **at));
            let shown: Vec<_> =
                hours.iter().take(HOURS_SHOWN).map(|(at, posts)| format!("{} {posts}", hour(**at))).collect();
            let more = if hours.len() > HOURS_SHOWN { ", ..." } else { "" };
            let _ = writeln!(out, "\nposts an hour to {}, busiest first: {}{more}", found.name, shown.join(", "));
        }
    }
    if let [one, other] = ended {
        compare(&mut out, one, other, (bold, end));
    }
    out
}

/// What differs between two configs.
fn compare(out: &mut String, one: &Ended, other: &Ended, (bold, end): (&str, &str)) {
    let _ = writeln!(out, "\n{bold}{} against {}{end}", one.file, other.file);
    let mut lines = vec![row(["", "posts", "against", "difference", "worst wait", "against"])];
    let mut names: Vec<&str> = one.destinations.iter().map(|found| found.name.as_str()).collect();
    names.extend(
        other
            .destinations
            .iter()
            .map(|found| found.name.as_str())
            .filter(|name| !one.destinations.iter().any(|found| found.name == *name)),
    );
    for name in names {
        let of = |ended: &Ended| {
            let found = ended.destinations.iter().find(|found| found.name == name)?;
            let wait = found.waits.iter().copied().max().unwrap_or_default().max(found.digest_wait);
            Some((found.all_posts(), wait))
        };
        let word = |found: Option<(u64, Duration)>| {
            found.map_or(("-".to_owned(), "-".to_owned()), |(posts, wait)| (posts.to_string(), length(wait)))
        };
        let (mine, theirs) = (of(one), of(other));
        let change = match (mine, theirs) {
            (Some((mine, _)), Some((theirs, _))) => signed(i128::from(mine) - i128::from(theirs)),
            _ => "-".to_owned(),
        };
        let ((posts, wait), (against, waited)) = (word(mine), word(theirs));
        lines.push(row([name, &posts, &against, &change, &wait, &waited]));
    }
    table(out, &lines);
    let mut rules = vec![row(["rule", "changes", "against", "difference"])];
    let mut names: Vec<&str> = one.rules.iter().map(|rule| rule.name.as_str()).collect();
    names.extend(
        other
            .rules
            .iter()
            .map(|rule| rule.name.as_str())
            .filter(|name| !one.rules.iter().any(|rule| rule.name == *name)),
    );
    for name in names {
        let of = |ended: &Ended| ended.rules.iter().find(|rule| rule.name == name).map(|rule| rule.changes);
        let (mine, theirs) = (of(one), of(other));
        if mine == theirs {
            continue;
        }
        let word = |found: Option<u64>| found.map_or("-".to_owned(), |count| count.to_string());
        let change = signed(i128::from(mine.unwrap_or(0)) - i128::from(theirs.unwrap_or(0)));
        rules.push(row([name, &word(mine), &word(theirs), &change]));
    }
    out.push('\n');
    match rules.len() {
        1 => out.push_str("every rule wants the same changes\n"),
        _ => table(out, &rules),
    }
}

fn signed(number: i128) -> String {
    if number > 0 { format!("+{number}") } else { number.to_string() }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn dash(count: u64) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

/// The first column to the left, figures to the right.
fn table(out: &mut String, rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<_> =
        (0..columns).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => line.push_str(&format!("  {cell:<width$}")),
                _ => line.push_str(&format!("  {cell:>width$}")),
            }
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// `0.2 s`, `12 s`, `3 min`, `2 h 5 min`, `3 d 4 h`
fn length(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span.is_zero() => "-".to_owned(),
        0..10 => format!("{:.1} s", span.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
