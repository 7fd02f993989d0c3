//! JSON as JsonConverter writes it, piece by piece.

use base64::Engine;
use std::fmt::Write;

/// A comma before all members or elements but the first.
pub(crate) fn comma(out: &mut String, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(',');
    }
}

pub(crate) fn number(out: &mut String, number: impl std::fmt::Display) {
    // why: writing to a String cannot fail.
    let _ = write!(out, "{number}");
}

pub(crate) fn float(out: &mut String, float: impl std::fmt::Display + Into<f64> + Copy) {
    let _ = match float.into() {
        wide if wide.is_nan() => write!(out, "\"NaN\""),
        f64::INFINITY => write!(out, "\"Infinity\""),
        f64::NEG_INFINITY => write!(out, "\"-Infinity\""),
        wide if wide.fract() == 0.0 => write!(out, "{float}.0"),
        _ => write!(out, "{float}"),
    };
}

pub(crate) fn base64(out: &mut String, bytes: &[u8]) {
    out.push('"');
    base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
    out.push('"');
}

pub(crate) fn text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}
