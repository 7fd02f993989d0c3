//! The capture format, and what people get wrong in it.

use super::*;

fn read(text: &str) -> Vec<Result<CapturedRecord, String>> {
    read_records("events.jsonl", text.as_bytes()).map(|r| r.map_err(|e| e.to_string())).collect()
}

#[test]
fn texts_bytes_nulls_and_headers() {
    let records = read(concat!(
        r#"{"topic":"t","partition":3,"offset":9,"timestamp_ms":5,"headers":[["a","x"],["a",{"base64":"/w=="}],["n",null]],"key":"k","value":{"base64":"AAE="}}"#,
        "\n\n  \n",
        r#"{"topic":"t","key":null,"value":null}"#,
        "\n",
        r#"{"topic":"t","value":{"op": "c"}}"#,
    ));
    let first = records[0].as_ref().expect("a record");
    assert_eq!((&*first.topic, first.partition, first.offset, first.timestamp_ms), ("t", 3, 9, Some(5)));
    assert_eq!(first.key.as_deref(), Some(&b"k"[..]));
    assert_eq!(first.value.as_deref(), Some(&b"\0\x01"[..]));
    let record = first.record();
    assert_eq!(record.headers.header("a"), Some(&b"\xff"[..]));
    assert_eq!(record.headers.header("n"), None);
    assert_eq!(record.headers.header("b"), None);
    let second = records[1].as_ref().expect("a record");
    assert_eq!((second.line, second.offset, &second.value), (4, 3, &None));
    assert_eq!(records[2].as_ref().expect("a record").value.as_deref(), Some(&br#"{"op": "c"}"#[..]));
    assert_eq!(records.len(), 3);
}

#[test]
fn errors_name_file_and_line_and_help() {
    let errors: Vec<String> = read("{\"topic\":\"t\"}\nnonsense\n{\"op\":\"c\",\"after\":{}}\n{\"topic\":\"t\",\"value\":{\"base64\":\"!\"}}\n{\"topic\":\"t\",\"valeu\":1}\n")
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert!(errors[0].starts_with("events.jsonl:2: ") && errors[0].contains("\nhint: one record a line"), "{errors:?}");
    assert!(errors[1].starts_with("events.jsonl:3: ") && errors[1].contains("bare change event"), "{errors:?}");
    assert!(errors[2].starts_with("events.jsonl:4: value: not base64"), "{errors:?}");
    assert!(errors[3].contains("valeu"), "{errors:?}");
    assert_eq!(errors.len(), 4);
}
