//! The filters and tests of the language.

use super::template;
use minijinja::ErrorKind;

/// Filters that the language has, for "did you mean".
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "boolean",
    "bytes",
    "capitalize",
    "currency",
    "date",
    "datetime",
    "default",
    "dictsort",
    "duration",
    "escape",
    "first",
    "float",
    "format",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "number",
    "percent",
    "pprint",
    "reject",
    "replace",
    "reverse",
    "round",
    "select",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
];

/// Tests that the language has, for "did you mean".
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// Does the engine have this filter or test? Names that are not spelled like one are not asked for.
pub(super) fn exists(what: &str, name: &str) -> bool {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return true;
    }
    let probe = if what == "filter" { format!("1|{name}") } else { format!("1 is {name}") };
    let result = template::TEXT.compile_expression(&probe).and_then(|probe| probe.eval(()));
    !matches!(result.map_err(|error| error.kind()), Err(ErrorKind::UnknownFilter | ErrorKind::UnknownTest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_did_you_mean_exist() {
        let missing =
            |what, names: &[&'static str]| names.iter().copied().filter(|name| !exists(what, name)).collect::<Vec<_>>();
        assert_eq!(missing("filter", FILTERS), [""; 0]);
        assert_eq!(missing("test", TESTS), [""; 0]);
        assert!(!exists("filter", "nonsense") && !exists("test", "nonsense"));
    }
}
