//! Dates and times as texts and back.

use super::*;

#[test]
fn dates_of_any_year() {
    for (days, text) in [
        (0, "1970-01-01"),
        (20_468, "2026-01-15"),
        (-1, "1969-12-31"),
        (11_016, "2000-02-29"),
        (-719_528, "0000-01-01"),
        (-719_529, "-0001-12-31"),
        (2_932_896, "9999-12-31"),
        (2_932_897, "10000-01-01"),
        (2_145_042_905, "5874897-12-31"),
    ] {
        assert_eq!(date_text(days), text);
        assert_eq!(parse_iso(text).and_then(|iso| iso.days), Some(days), "{text}");
    }
}

#[test]
fn times_may_be_negative_or_beyond_a_day() {
    for (nanos, text) in [
        (86_399_999_999_000, "23:59:59.999999"),
        (-45_015 * SECOND, "-12:30:15"),
        (360_000 * SECOND, "100:00:00"),
        (-1, "-00:00:00.000000001"),
        (0, "00:00:00"),
    ] {
        assert_eq!(time_text(nanos), text);
    }
}

#[test]
fn timestamps_before_1970_count_backwards() {
    assert_eq!(timestamp_text(-1_000), "1969-12-31T23:59:59.999999");
    assert_eq!(timestamp_text(1_795_395_723_456_789_000), "2026-11-23T01:02:03.456789");
}

#[test]
fn durations_have_unbounded_hours() {
    assert_eq!(duration_text(37_091_106_789_000_000), "PT10303H5M6.789S");
    assert_eq!(duration_text(0), "PT0S");
    assert_eq!(duration_text(-90 * SECOND), "-PT1M30S");
    assert_eq!(duration_text(7200 * SECOND), "PT2H");
}

#[test]
fn iso_texts_in_every_spelling() {
    let iso = |text| parse_iso(text).map(|iso| (iso.days, iso.nanos, iso.offset));
    assert_eq!(iso("2017-09-15Z"), Some((Some(17_424), None, Some(0))));
    assert_eq!(iso("08:00:00Z"), Some((None, Some(28_800 * SECOND), Some(0))));
    assert_eq!(iso("08:00-05"), Some((None, Some(28_800 * SECOND), Some(-18_000))));
    assert_eq!(iso("1970-01-02T00:00:00.5+05:30"), Some((Some(1), Some(SECOND / 2), Some(19_800))));
    assert_eq!(iso("1970-01-01 00:00:01"), Some((Some(0), Some(SECOND), None)));
    assert_eq!(iso("-0043-03-15").map(|i| i.0), Some(Some(days(-43, 3, 15))));
    for wrong in [
        "",
        "x",
        "2017",
        "2017-9-15",
        "2017-13-01",
        "2017-00-01",
        "25:00:00",
        "12:61",
        "2017-01-01T",
        "2017-01-01x",
        "12:00:00.",
        "ä:ä",
        "2017-01-01T00:00:00+",
        "999999999999-01-01",
    ] {
        assert_eq!(parse_iso(wrong), None, "{wrong}");
    }
}
