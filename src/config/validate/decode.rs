//! `decode:` and `unavailable_placeholder:`

use crate::change::{Format, Placeholders, Reading};
use crate::config::Decode;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Report};
use globset::Glob;

pub(super) fn decode(pins: Vec<(At<String>, At<String>)>, placeholders: &[String], report: &mut Report) -> Decode {
    let placeholders = Placeholders::new(placeholders.iter().map(String::as_str));
    let reading = |format| Reading { format, placeholders: placeholders.clone() };
    let mut compiled = Vec::with_capacity(pins.len());
    for (topic, word) in pins {
        let glob = Glob::new(&topic).map_err(|error| {
            report.push(Diagnostic::error(topic.place, format!("{:?} is not a glob: {}", topic.value, error.kind())));
        });
        let format = word.parse::<Format>().map_err(|()| {
            let known = Format::ALL.map(Format::as_str);
            let found = Diagnostic::error(word.place, format!("{:?} is no format to decode", word.value))
                .hint(format!("one of: {}", known.join(", ")));
            report.push(found.nearest(&word, known));
        });
        if let (Ok(glob), Ok(format)) = (glob, format) {
            compiled.push((glob.compile_matcher(), reading(Some(format))));
        }
    }
    Decode { pins: compiled, otherwise: reading(None) }
}
