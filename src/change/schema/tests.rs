//! Schema names that no capture holds; the captures test the others end to end.

use super::*;

#[test]
fn every_semantic_name_has_its_type() {
    for (name, base, ty) in [
        ("io.debezium.time.NanoTime", "int64", Type::Time),
        ("io.debezium.time.NanoTimestamp", "int64", Type::Timestamp),
        ("io.debezium.time.IsoDate", "string", Type::Date),
        ("io.debezium.time.IsoTime", "string", Type::Time),
        ("io.debezium.time.IsoTimestamp", "string", Type::Timestamp),
        ("io.debezium.time.Interval", "string", Type::Duration),
        ("io.debezium.time.NanoDuration", "int64", Type::Duration),
        ("io.debezium.time.StructuredZonedTimestamp", "struct", Type::Instant),
        ("io.debezium.time.StructuredTimestamp", "struct", Type::Timestamp),
        ("io.debezium.time.StructuredDate", "struct", Type::Date),
        ("io.debezium.time.StructuredTime", "struct", Type::Time),
        ("org.apache.kafka.connect.data.Date", "int32", Type::Date),
        ("org.apache.kafka.connect.data.Time", "int32", Type::Time),
        ("org.apache.kafka.connect.data.Timestamp", "int64", Type::Timestamp),
        ("io.debezium.data.geometry.Geography", "struct", Type::Geometry),
        ("io.debezium.data.FloatVector", "array", Type::Array),
        ("io.debezium.data.SparseDoubleVector", "struct", Type::Map),
        ("io.debezium.data.Bits", "boolean", Type::Bool),
    ] {
        assert_eq!(named(name, base, |_| None).map(|kind| kind.ty()), Some(ty), "{name}");
    }
    for unknown in ["io.debezium.data.Ltree", "shop.public.listings.Value", "io.debezium.time.Tomorrow"] {
        assert_eq!(named(unknown, "string", |_| None), None, "{unknown}");
    }
}

#[test]
fn a_schema_that_is_none_says_where() {
    assert_eq!(compile(r#"{"fields":[]}"#), Err("not a Connect schema (line 1, column 13)".to_owned()));
    assert!(compile(r#"{"type":5}"#).is_err());
}

#[test]
fn structs_arrays_and_maps_nest() {
    let kind = compile(
        r#"{"type":"struct","fields":[
            {"type":"array","items":{"type":"int32","name":"io.debezium.time.Date"},"field":"days"},
            {"type":"map","keys":{"type":"int16"},"values":{"type":"double"},"field":"weights"},
            {"type":"later","field":"new"}]}"#,
    );
    let Ok(Kind::Struct(shape)) = kind else { panic!("{kind:?}") };
    let kinds: Vec<&Kind> = shape.fields.iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [&Kind::Array(Box::new(Kind::Date)), &Kind::Map(Box::new(Kind::Float)), &Kind::Any]);
}
