//! JSON records: value, key and headers, separated by 0xff; headers are `name=value`.

#![no_main]

#[path = "shared.rs"]
mod shared;

use libfuzzer_sys::fuzz_target;
use rowbell::change::NoSchemas;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.split(|byte| *byte == shared::SEPARATOR);
    let value = parts.next();
    let key = parts.next();
    let headers: Vec<(String, Option<Vec<u8>>)> = parts
        .take(8)
        .filter_map(|part| {
            let at = part.iter().position(|byte| *byte == b'=')?;
            Some((String::from_utf8_lossy(&part[..at]).into_owned(), Some(part[at + 1..].to_vec())))
        })
        .collect();
    shared::whole(key, value, &headers, &NoSchemas);
});
