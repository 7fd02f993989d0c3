//! What programs get is what `schemas/` says.

use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::LazyLock;

static WEBHOOK: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| validator(include_str!("../../../schemas/webhook.schema.json")));

/// A schema of this project, which has to be one.
pub(crate) fn validator(schema: &str) -> jsonschema::Validator {
    let schema: Json = serde_json::from_str(schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// A payload as the documented schema has it.
pub(super) fn valid(payload: &Json) {
    let errors: Vec<_> = WEBHOOK.iter_errors(payload).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{payload:#}");
}

#[test]
fn every_snapshot_of_a_webhook_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/message/tests/snapshots");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with("_webhook.snap") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // The head of a snapshot ends with its second line of dashes.
        let body = text.splitn(3, "---\n").nth(2).unwrap();
        valid(&serde_json::from_str(body).unwrap());
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn the_schema_knows_every_operation_and_every_type() {
    use crate::change::{Op, Type};
    let schema: Json = serde_json::from_str(include_str!("../../../schemas/webhook.schema.json")).unwrap();
    let listed = |pointer: &str| schema.pointer(pointer).unwrap().as_array().unwrap().clone();
    for op in [Op::Create, Op::Update, Op::Delete, Op::Read, Op::Truncate, Op::Message] {
        assert!(listed("/$defs/op/enum").contains(&json!(op.as_str())), "{op}");
        assert!(listed("/$defs/change/properties/type/enum").contains(&json!(format!("row.{op}"))), "{op}");
    }
    for ty in [Type::Bool, Type::Decimal, Type::Instant, Type::Map, Type::Geometry, Type::Xml, Type::Unknown] {
        assert!(listed("/$defs/columnType/enum").contains(&json!(ty.as_str())), "{}", ty.as_str());
    }
}

#[test]
fn what_is_not_documented_is_not_valid() {
    let payload = json!({
        "id": "t:0:1", "type": "row.update", "table": "public.t", "op": "update", "key": {"id": 1}, "old_key": null,
        "changes": [{"column": "a", "type": "int", "old": 1, "new": 2}], "text": "x", "link": null, "rules": ["r"],
        "priority": "normal", "time": "2026-11-23T14:02:37Z",
        "source": {"server": "s", "connector": "postgresql", "snapshot": false}
    });
    valid(&payload);
    let broken = |pointer: &str, value: Json| {
        let mut payload = payload.clone();
        *payload.pointer_mut(pointer).unwrap() = value;
        WEBHOOK.is_valid(&payload)
    };
    assert!(
        !broken("/priority", json!("urgent")) && !broken("/id", json!("t")) && !broken("/link", json!("javascript:x"))
    );
    assert!(!broken("/changes/0", json!({"column": "a", "type": "int", "redacted": true, "new": 2})));
    assert!(!broken("/time", json!("yesterday")));
}
