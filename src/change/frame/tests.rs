//! Frames are told apart by their bytes and headers.

use super::*;
use crate::change::tests::Sample;

fn magic(bytes: &[u8]) -> Result<(SchemaId, usize), String> {
    by_magic("value", bytes).map(|framed| (framed.id, framed.payload.len())).map_err(|error| error.to_string())
}

#[test]
fn every_frame_is_told_by_its_first_bytes() {
    assert_eq!(magic(&[0, 0, 0, 1, 2, 9, 9]), Ok((SchemaId::Id(258), 2)));
    assert_eq!(magic(&[0, 0, 0, 0, 0, 0, 0, 0, 25, 9]), Ok((SchemaId::Global(25), 1)));
    let guid: Vec<u8> = [1].into_iter().chain(0..16).chain([9]).collect();
    let (id, payload) = magic(&guid).expect("a frame");
    assert_eq!((id.to_string().as_str(), payload), ("GUID 00010203-0405-0607-0809-0a0b0c0d0e0f", 1));
}

#[test]
fn what_is_no_frame_says_so() {
    for bytes in [&[0, 0, 0][..], &[0, 0, 0, 0, 0, 0, 0], &[1, 2, 3]] {
        assert_eq!(magic(bytes), Err("value: a frame that ends before its schema's id does".into()));
    }
    // gzip's magic: somebody compressed the payload.
    assert_eq!(magic(&[0x1f, 0x8b, 8]), Err("value: neither JSON nor a schema registry's frame".into()));
}

#[test]
fn headers_name_the_schema_of_a_bare_payload() {
    let mut sample = Sample::new("x");
    assert_eq!(by_header(&sample.record(), Side::Value, b"x"), None);
    sample.headers.push(("apicurio.value.contentId".into(), Some(7i64.to_be_bytes().to_vec())));
    let id = |sample: &Sample, side| by_header(&sample.record(), side, b"x").map(|framed| framed.id);
    assert_eq!(id(&sample, Side::Value), Some(SchemaId::Content(7)));
    assert_eq!(id(&sample, Side::Key), None);
    sample.headers.push(("apicurio.value.globalId".into(), Some(8i64.to_be_bytes().to_vec())));
    assert_eq!(id(&sample, Side::Value), Some(SchemaId::Global(8)));
    sample.headers.push(("__value_schema_id".into(), Some([&[1][..], &[7; 16]].concat())));
    assert_eq!(id(&sample, Side::Value), Some(SchemaId::Guid([7; 16])));
    sample.headers.push(("__key_schema_id".into(), Some(vec![1, 2])));
    assert_eq!(id(&sample, Side::Key), None);
}
