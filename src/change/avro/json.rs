//! A datum as JsonConverter would have written it, for what is too rare to have a way of its own.

use super::read::within;
use super::{DEPTH_MAX, Plan, Reader, Reason, Wire};
use crate::change::written::{base64, comma, float, number, text};

impl Plan {
    pub(super) fn json(
        &self,
        node: usize,
        reader: &mut Reader<'_>,
        out: &mut String,
        depth: u32,
    ) -> Result<(), Reason> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply".into());
        }
        let node = self.branch(node, reader)?;
        match &self.nodes[node].wire {
            Wire::Null => out.push_str("null"),
            Wire::Bool => out.push_str(if reader.bool()? { "true" } else { "false" }),
            Wire::Int => number(out, reader.long()?),
            Wire::Float => float(out, f32::from_le_bytes(reader.array()?)),
            Wire::Double => float(out, f64::from_le_bytes(reader.array()?)),
            Wire::Bytes => base64(out, reader.bytes()?),
            Wire::Fixed(size) => base64(out, reader.take(*size)?),
            Wire::Text => text(out, reader.text()?),
            Wire::Enum(words) => {
                let word = usize::try_from(reader.long()?).ok().and_then(|at| words.get(at));
                text(out, word.ok_or("a word that the schema's enum does not have")?);
            }
            Wire::Array(element) => {
                out.push('[');
                let mut first = true;
                // Maps whose keys are no texts come as arrays of records {key, value}; JsonConverter writes pairs.
                let pair = matches!(&self.nodes[*element].wire, Wire::Record(fields)
                    if matches!(&fields[..], [(key, _), (value, _)] if **key == *"key" && **value == *"value"));
                self.blocks(reader, |reader| {
                    comma(out, &mut first);
                    match &self.nodes[*element].wire {
                        Wire::Record(fields) if pair => {
                            out.push('[');
                            let mut first = true;
                            for (_, field) in fields {
                                comma(out, &mut first);
                                self.json(*field, reader, out, depth + 1)?;
                            }
                            out.push(']');
                            Ok(())
                        }
                        _ => self.json(*element, reader, out, depth + 1),
                    }
                })?;
                out.push(']');
            }
            Wire::Map(value) => {
                out.push('{');
                let mut first = true;
                self.blocks(reader, |reader| {
                    comma(out, &mut first);
                    text(out, reader.text()?);
                    out.push(':');
                    self.json(*value, reader, out, depth + 1)
                })?;
                out.push('}');
            }
            Wire::Union(_) => return Err("a union inside a union".into()),
            Wire::Record(fields) => {
                out.push('{');
                let mut first = true;
                for (name, field) in fields {
                    comma(out, &mut first);
                    text(out, name);
                    out.push(':');
                    self.json(*field, reader, out, depth + 1).map_err(|reason| within(name, &reason))?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}
