//! Values of every kind, from the wire to the form of `inspect`.

use super::*;
use crate::change::{ColumnHint, Decimal};
use bigdecimal::num_bigint::BigInt;
use proptest::prelude::*;

#[track_caller]
fn check(kind: &Kind, raw: &str, expected: &str) {
    let (ty, value) = decode(kind, raw).unwrap_or_else(|reason| panic!("{kind:?} {raw}: {reason}"));
    assert_eq!(format!("{} {}", ty.as_str(), value.canonical()), expected, "{kind:?} {raw}");
}

fn hint(word: &str) -> Kind {
    word.parse::<ColumnHint>().expect("a type").kind().clone()
}

#[test]
fn decimals_are_exact_from_bytes_and_from_numbers() {
    check(&Kind::Decimal(6), r#""/1SrVnMU4PUu""#, r#"decimal "-12345678901234.567890""#);
    check(&Kind::Decimal(2), r#""AcI=""#, r#"decimal "4.50""#);
    check(&Kind::Decimal(2), "250000", r#"decimal "250000.00""#);
    check(&Kind::Decimal(2), "0.001", r#"decimal "0.001""#);
    check(&Kind::Decimal(3), "-1.5E-2", r#"decimal "-0.015""#);
    check(&Kind::Decimal(0), "1E+3", r#"decimal "1000""#);
    check(&Kind::Decimal(-2), r#""BQ==""#, r#"decimal "500""#);
    check(&Kind::Decimal(2), r#""AA==""#, r#"decimal "0.00""#);
    check(
        &Kind::VariableDecimal,
        r#"{"scale":0,"value":"DJ8snNBGdO3qQAAAAA=="}"#,
        r#"decimal "1000000000000000000000000000000""#,
    );
    for (kind, raw) in [
        (Kind::Decimal(2), r#""!""#),
        (Kind::Decimal(2), r#""""#),
        (Kind::Decimal(2), "true"),
        (Kind::Decimal(2_000_000_000), r#""AcI=""#),
        (Kind::Decimal(0), "1e2000000000"),
        (Kind::VariableDecimal, r#"{"scale":0}"#),
        (Kind::VariableDecimal, "7"),
    ] {
        assert!(decode(&kind, raw).is_err(), "{raw}");
    }
}

#[test]
fn dates_and_times_in_every_unit() {
    check(&Kind::Date, "20468", r#"date "2026-01-15""#);
    check(&Kind::Date, "-2147472692", r#"date "infinity""#);
    check(&Kind::Date, "-2147472691", r#"date "-infinity""#);
    check(&Kind::Date, r#""2017-09-15Z""#, r#"date "2017-09-15""#);
    check(&Kind::Time(Unit::Milli), "1500", r#"time "00:00:01.5""#);
    check(&Kind::Time(Unit::Micro), "-45015000000", r#"time "-12:30:15""#);
    check(&Kind::Time(Unit::Nano), "86399999999999", r#"time "23:59:59.999999999""#);
    check(&Kind::Time(Unit::Micro), r#""08:00:00Z""#, r#"time "08:00:00""#);
    check(&Kind::ZonedTime, r#""06:30:00+02:00""#, r#"time "04:30:00Z""#);
    check(&Kind::ZonedTime, r#""23:30:00-02:00""#, r#"time "01:30:00Z""#);
    check(&Kind::Timestamp(Unit::Milli), "1795395723456", r#"timestamp "2026-11-23T01:02:03.456""#);
    check(&Kind::Timestamp(Unit::Micro), "9223372036825200000", r#"timestamp "infinity""#);
    check(&Kind::Timestamp(Unit::Micro), "-9223372036832400000", r#"timestamp "-infinity""#);
    check(&Kind::Timestamp(Unit::Nano), "1795395723456789012", r#"timestamp "2026-11-23T01:02:03.456789012""#);
    check(&Kind::Timestamp(Unit::Micro), r#""2017-09-15T08:00:00.100Z""#, r#"timestamp "2017-09-15T08:00:00.1""#);
    check(&Kind::Instant(Unit::Guess), r#""2026-11-23T01:02:03+02:00""#, r#"instant "2026-11-22T23:02:03Z""#);
    check(&Kind::Instant(Unit::Guess), r#""-infinity""#, r#"instant "-infinity""#);
    check(&Kind::Duration(Unit::Micro), "37091106789000", r#"duration "PT10303H5M6.789S""#);
    check(&Kind::Interval, r#""P1Y2M3DT4H5M6.78S""#, r#"duration "P1Y2M3DT4H5M6.78S""#);
    check(&Kind::Date, "-719529", r#"date "-0001-12-31""#);
    check(&Kind::Date, r#""-0001-12-31""#, r#"date "-0001-12-31""#);
    check(&Kind::Instant(Unit::Guess), r#""+12026-01-01T00:00:00Z""#, r#"instant "12026-01-01T00:00:00Z""#);
    check(&Kind::Timestamp(Unit::Micro), "-62135596800000001", r#"timestamp "0000-12-31T23:59:59.999999""#);
    check(&Kind::Time(Unit::Micro), "86400000000", r#"time "24:00:00""#);
    check(&Kind::Time(Unit::Micro), "-3020399000000", r#"time "-838:59:59""#);
    check(&Kind::Duration(Unit::Nano), "-1", r#"duration "-PT0.000000001S""#);
    for (kind, raw) in [
        (Kind::Date, r#""2026-02-30""#),
        (Kind::Timestamp(Unit::Micro), r#""2026-04-31T00:00:00""#),
        (Kind::Date, r#""soon""#),
        (Kind::Date, "1.5"),
        (Kind::Timestamp(Unit::Micro), "{}"),
        (Kind::ZonedTime, r#""2017-01-01""#),
    ] {
        assert!(decode(&kind, raw).is_err(), "{raw}");
    }
}

#[test]
fn structured_times_are_put_together() {
    let raw = r#"{"year":2026,"month":11,"day":23,"hour":1,"minute":2,"second":3,"nanos":456789000,"offsetSeconds":7200,"zoneId":null,"specialValue":null}"#;
    check(&Kind::Structured(Type::Instant), raw, r#"instant "2026-11-22T23:02:03.456789Z""#);
    check(&Kind::Structured(Type::Timestamp), raw, r#"timestamp "2026-11-23T01:02:03.456789""#);
    check(&Kind::Structured(Type::Date), raw, r#"date "2026-11-23""#);
    check(&Kind::Structured(Type::Time), raw, r#"time "23:02:03.456789Z""#);
    check(&Kind::Structured(Type::Date), r#"{"year":null,"specialValue":"NEGATIVE_INFINITY"}"#, r#"date "-infinity""#);
    let kind = |name: &str| crate::change::schema::named(name, "struct", |_| None).expect("a kind");
    let zoned = r#"{"hour":1,"minute":2,"second":3,"nanos":0,"offsetSeconds":7200,"zoneId":"+02:00"}"#;
    check(&kind("io.debezium.time.StructuredZonedTime"), zoned, r#"time "23:02:03Z""#);
    check(&kind("io.debezium.time.StructuredTime"), r#"{"hour":1,"minute":2,"second":3}"#, r#"time "01:02:03""#);
    assert!(decode(&Kind::Structured(Type::Date), r#"{"year":2026,"month":13,"day":1}"#).is_err());
}

#[test]
fn floats_keep_their_shortest_form() {
    check(&Kind::Float, "0.1", "float 0.1");
    check(&Kind::Float, "4.0", "float 4.0");
    check(&Kind::Float, r#""NaN""#, r#"float "NaN""#);
    check(&Kind::Float, r#""-Infinity""#, r#"float "-Infinity""#);
    assert!(decode(&Kind::Float, r#""x""#).is_err());
}

#[test]
fn bits_are_little_endian_and_padded() {
    check(&Kind::Bits(Some(8)), r#""qg==""#, r#"bits "10101010""#);
    check(&Kind::Bits(Some(6)), r#""Kg==""#, r#"bits "101010""#);
    check(&Kind::Bits(Some(16)), r#""BQ==""#, r#"bits "0000000000000101""#);
    check(&Kind::Bits(Some(12)), r#""AQg=""#, r#"bits "100000000001""#);
    check(&Kind::Bits(Some(2_147_483_647)), r#""BQ==""#, r#"bits "00000101""#);
    check(&Kind::Bits(Some(2)), r#""BQ==""#, r#"bits "00000101""#);
}

#[test]
fn collections_and_shapes() {
    check(&Kind::Set, r#""new,eco""#, r#"set ["new","eco"]"#);
    check(&Kind::Set, r#""""#, "set []");
    check(&Kind::Array(Box::new(Kind::Decimal(2))), r#"["bg==",null,"ANw="]"#, r#"array ["1.10",null,"2.20"]"#);
    check(
        &Kind::Array(Box::new(Kind::Array(Box::new(Kind::Date)))),
        "[[0],[1]]",
        r#"array [["1970-01-01"],["1970-01-02"]]"#,
    );
    check(&Kind::Map(Box::new(Kind::Text)), r#"{"k":"v","n":null}"#, r#"map {"k":"v","n":null}"#);
    check(&Kind::Map(Box::new(Kind::Float)), "[[1,0.5],[7,1.0]]", r#"map {"1":0.5,"7":1.0}"#);
    check(&Kind::SparseVector, r#"{"dimensions":9,"vector":[[1,0.5]]}"#, r#"map {"1":0.5}"#);
    check(&Kind::Point, r#"{"x":1.5,"y":2.5,"wkb":"AA==","srid":null}"#, r#"point {"x":1.5,"y":2.5}"#);
    check(&Kind::Geometry, r#"{"wkb":"AQI=","srid":4326}"#, r#"geometry "\\x0102""#);
    check(&Kind::Bytes, r#""3q2+7w==""#, r#"bytes "\\xdeadbeef""#);
    check(&Kind::Json, r#""{\"b\": [1, 2]}""#, r#"json {"b":[1,2]}"#);
    check(&Kind::Json, r#""broken {""#, r#"json "broken {""#);
}

#[test]
fn without_a_schema_the_json_speaks_and_no_digit_is_lost() {
    check(&Kind::Any, "20468", "int 20468");
    check(&Kind::Any, "9223372036854775808", "int 9223372036854775808");
    check(&Kind::Any, "18446744073709551615", "int 18446744073709551615");
    check(&Kind::Any, "1.5", "float 1.5");
    check(&Kind::Any, "1234567890.12345678901234", r#"decimal "1234567890.12345678901234""#);
    check(&Kind::Any, "1e400", &format!("decimal \"1{}\"", "0".repeat(400)));
    check(&Kind::Any, "1e999999999", r#"text "1e999999999""#);
    check(&Kind::Any, r#"{"a":1}"#, r#"json {"a":1}"#);
    check(&Kind::Any, r#"[1,"a",null]"#, r#"array [1,"a",null]"#);
    check(&Kind::Any, "null", "unknown null");
    for raw in ["18446744073709551616", "-9223372036854775809", &"9".repeat(60)] {
        let error = decode(&Kind::Any, raw).expect_err("an error");
        assert_eq!(error, "a number of more than 64 bits; if it is a decimal, set its type in columns", "{raw}");
        check(&hint("decimal"), raw, &format!("decimal {raw:?}"));
    }
}

#[test]
fn configured_types_take_every_wire_form() {
    check(&hint("decimal"), r#""250000.00""#, r#"decimal "250000.00""#);
    check(&hint("decimal"), r#""NAN""#, r#"decimal "NaN""#);
    check(&hint("decimal(2)"), r#""AcI=""#, r#"decimal "4.50""#);
    check(&hint("decimal(2)"), r#""4.5""#, r#"decimal "4.50""#);
    check(&hint("decimal(2)"), r#""1234""#, r#"decimal "-26588.24""#);
    check(&hint("decimal(0)"), r#""1234""#, r#"decimal "1234""#);
    check(&hint("decimal"), r#"{"scale":1,"value":"BQ=="}"#, r#"decimal "0.5""#);
    check(&hint("unsigned"), "-1", "int 18446744073709551615");
    check(&hint("bool"), "1", "bool true");
    check(&hint("int"), r#""12""#, "int 12");
    check(&hint("text"), "12", r#"text "12""#);
    check(&hint("bits(4)"), r#""BQ==""#, r#"bits "0101""#);
    check(&hint("timestamp"), "1795395723456", r#"timestamp "2026-11-23T01:02:03.456""#);
    check(&hint("timestamp"), "1795395723456789", r#"timestamp "2026-11-23T01:02:03.456789""#);
    check(&hint("instant_ms"), "0", r#"instant "1970-01-01T00:00:00Z""#);
    check(&hint("time_ms"), "1500", r#"time "00:00:01.5""#);
    for unknown in ["", "datum", "date_ms", "date(3)", "decimal(x)", "decimal(-1)", "bits("] {
        assert!(unknown.parse::<ColumnHint>().is_err(), "{unknown}");
    }
    for word in ColumnHint::WORDS {
        let word = word.replace("SCALE", "2").replace("LENGTH", "8");
        assert!(word.parse::<ColumnHint>().is_ok(), "{word}");
    }
}

#[test]
fn errors_never_repeat_the_value() {
    for kind in [Kind::Bool, Kind::Int, Kind::Date, Kind::Bytes, Kind::Point, Kind::Decimal(2), Kind::Set] {
        for raw in [r#"{"secret":"secret"}"#, r#"["secret!"]"#, r#""secret!""#] {
            if let Err(reason) = decode(&kind, raw) {
                assert!(!reason.contains("secret"), "{kind:?}: {reason}");
            }
        }
    }
}

proptest! {
    #[test]
    fn decimals_survive_the_trip_through_bytes(unscaled in proptest::num::i128::ANY, scale in 0i64..40) {
        let raw = format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(BigInt::from(unscaled).to_signed_bytes_be()));
        let Ok(Decimal::Finite(number)) = decimal(&raw, scale) else { panic!("{raw}") };
        let text = Decimal::Finite(number.clone()).plain();
        prop_assert_eq!(decimal_text(&text).ok(), Some(Decimal::Finite(number)));
        let digits = text.replace(['.', '-'], "");
        prop_assert_eq!(digits.parse::<BigInt>().ok(), Some(BigInt::from(unscaled.unsigned_abs())));
    }
}

#[test]
fn a_number_beyond_64_bits_is_no_column_of_64() {
    check(&Kind::Int, "18446744073709551615", "int 18446744073709551615");
    check(&Kind::Int, "-9223372036854775808", "int -9223372036854775808");
    for (kind, raw) in [
        (Kind::Int, "18446744073709551616"),
        (Kind::Int, "-9223372036854775809"),
        (Kind::Date, "99999999999999999999"),
        (Kind::Timestamp(Unit::Micro), "999999999999999999999999999999999999999999999999"),
    ] {
        assert_eq!(decode(&kind, raw).expect_err("an error"), "a number of more than 64 bits", "{raw}");
    }
    assert_eq!(decode(&Kind::Int, "1.5").expect_err("an error"), "expected an integer, found a number");
}
