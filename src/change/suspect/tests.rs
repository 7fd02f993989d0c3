//! What people are told to configure.

use crate::change::tests::Sample;
use crate::change::{NoHints, suspicions};

fn hints(connector: &str, after: &str) -> Vec<String> {
    let sample = Sample::of(connector, "c", "null", after);
    let envelope = sample.envelope();
    suspicions(&envelope, &envelope.change(&NoHints).expect("decodes"), &NoHints)
}

#[test]
fn values_that_look_like_more_are_named_with_the_type_to_set() {
    for (column, word) in [
        (r#""listed_on":20468"#, "date"),
        (r#""joined":1577934245678901"#, "timestamp_us"),
        (r#""at":1795464057940"#, "timestamp_ms"),
        (r#""price":"AcI=""#, "decimal(SCALE) or bytes"),
        (r#""n":{"scale":0,"value":"AQ=="}"#, "decimal"),
        (r#""p":{"x":1,"y":2,"wkb":"AQ==","srid":null}"#, "point"),
        (r#""at":"2026-02-01T08:00:00.000000Z""#, "instant"),
        (r#""on":"2026-02-01Z""#, "date"),
    ] {
        let found = hints("postgresql", &format!("{{{column}}}"));
        assert!(found.len() == 1 && found[0].ends_with(&format!("type: {word}")), "{column}: {found:?}");
    }
}

#[test]
fn everyday_values_raise_no_suspicion() {
    let row = r#"{"id":20468,"qty":5,"sku":"CHAIR-001","word":"good","hash":"abcdefgh","big":9223372036854775807,"neg":-5,"time":"12:00"}"#;
    assert_eq!(hints("postgresql", row), [""; 0]);
}

#[test]
fn a_number_below_zero_may_be_one_that_mysqls_connectors_have_wrapped() {
    for connector in ["mysql", "mariadb"] {
        let found = hints(connector, r#"{"big_id":-1,"qty":5}"#);
        assert!(found.len() == 1 && found[0].starts_with("big_id: is negative; if it is BIGINT UNSIGNED"), "{found:?}");
    }
}
