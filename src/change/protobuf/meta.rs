//! What Connect's converter says of a field or message beside its type: `params` of `confluent.field_meta`.

use prost_types::UninterpretedOption;

/// Parameters, by name.
pub(super) type Params = Vec<(String, String)>;

/// Those of Confluent's options among these.
pub(super) fn params(options: &[UninterpretedOption]) -> Params {
    let confluent = |option: &&UninterpretedOption| {
        option.name.first().is_some_and(|part| part.is_extension && part.name_part.contains("confluent."))
    };
    let texts = options.iter().filter(confluent).filter_map(|option| option.aggregate_value.as_deref());
    texts.flat_map(entries).collect()
}

/// The value of a parameter, also under Connect's name for parameters of a schema.
pub(super) fn get<'p>(params: &'p Params, name: &str) -> Option<&'p str> {
    let is = |key: &str| key == name || key.strip_prefix("connect.parameters.") == Some(name);
    params.iter().find(|(key, _)| is(key)).map(|(_, value)| &**value)
}

/// `key: "..." value: "..."` in either order, one pair between two braces.
fn entries(text: &str) -> Params {
    let mut params = Params::new();
    let (mut key, mut value) = (None, None);
    let mut word = "";
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let (content, length) = quoted(rest, first);
                match word {
                    "key" => key = Some(content),
                    "value" => value = Some(content),
                    _ => {}
                }
                length
            }
            first if first.is_ascii_alphanumeric() || first == '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                word = &rest[..end];
                end
            }
            '{' => {
                (key, value) = (None, None);
                first.len_utf8()
            }
            _ => first.len_utf8(),
        };
        if let (Some(_), Some(_)) = (&key, &value) {
            params.extend(key.take().zip(value.take()));
        }
        rest = rest[length..].trim_start();
    }
    params
}

/// A quoted text's content and its length with the quotes. Escapes other than `\x` of itself are left alone:
/// no name or number has any.
fn quoted(text: &str, quote: char) -> (String, usize) {
    let mut content = String::new();
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            '\\' if !escaped => escaped = true,
            char if char == quote && !escaped => return (content, at + 1),
            char => {
                content.push(char);
                escaped = false;
            }
        }
    }
    (content, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_in_either_order_and_any_notation() {
        let texts = [
            r#"params : [ { value : "2" , key : "scale" } , { key : "connect.name" value : "a.B" } ]"#,
            r#"params { key : 'scale' value : '2' } params { key : 'connect.name' , value : 'a.B' }"#,
            r#"doc : "key" params : [ { key : "scale", value : "2" }, { key: "connect.name", value: "a.B" } ]"#,
        ];
        for text in texts {
            let params = entries(text);
            assert_eq!((get(&params, "scale"), get(&params, "connect.name")), (Some("2"), Some("a.B")), "{text}");
        }
        assert_eq!(entries(r#"key : "a\"b" , value : "{""#), [("a\"b".to_owned(), "{".to_owned())]);
        assert_eq!(entries(r#"params : [ { key : "unfinished"#), []);
    }
}
