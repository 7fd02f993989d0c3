//! Results as the XML that CI systems read (JUnit's).

/// A case that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The file it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// What is wrong; nothing where it holds.
    pub problems: String,
}

/// The report.
pub fn xml(cases: &[Ended]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    // The cases of a file follow one another.
    for file in cases.chunk_by(|one, other| one.file == other.file) {
        let failed = file.iter().filter(|case| !case.problems.is_empty()).count();
        let name = escaped(&file[0].file);
        out.push_str(&format!("  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">\n", file.len()));
        for case in file {
            let head = format!("    <testcase classname=\"{name}\" name=\"{}\"", escaped(&case.name));
            match case.problems.lines().next() {
                None => out.push_str(&format!("{head}/>\n")),
                Some(first) => out.push_str(&format!(
                    "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                    escaped(first.trim()),
                    escaped(&case.problems)
                )),
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// For text and attributes. XML 1.0 has no way to write most control characters: they become a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_suite_and_every_failure_says_why() {
        let case = |file: &str, name: &str, problems: &str| Ended {
            file: file.to_owned(),
            name: name.to_owned(),
            problems: problems.to_owned(),
        };
        let cases = [
            case("a.yaml", "holds <&>", ""),
            case("a.yaml", "does \"not\"", "  expected, not posted: \u{1b}x\n  | <b>\n"),
            case("b.yaml", "holds", ""),
        ];
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="a.yaml" tests="2" failures="1">
    <testcase classname="a.yaml" name="holds &lt;&amp;&gt;"/>
    <testcase classname="a.yaml" name="does &quot;not&quot;">
      <failure message="expected, not posted: ?x">  expected, not posted: ?x
  | &lt;b&gt;
</failure>
    </testcase>
  </testsuite>
  <testsuite name="b.yaml" tests="1" failures="0">
    <testcase classname="b.yaml" name="holds"/>
  </testsuite>
</testsuites>
"#;
        assert_eq!(xml(&cases), expected);
        assert_eq!(xml(&[]).lines().count(), 3);
    }
}
