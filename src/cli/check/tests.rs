use super::show;
use crate::cli::text::Style;
use crate::config::{self, Code, Examined};
use std::path::Path;

const MISTAKES: &str = "tests/fixtures/config/mistakes.yaml";

fn examined(path: &str) -> Examined {
    config::examine(Path::new(path))
}

#[test]
fn every_mistake_is_shown_with_its_line_and_what_to_do() {
    let text = show::text(&examined(MISTAKES), &[], Style::Plain);
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn programs_read_every_finding_with_its_code_and_place() {
    let json = show::json(&examined(MISTAKES), &[]);
    let list = json["diagnostics"].as_array().expect("a list");
    assert_eq!(json["errors"].as_u64().zip(json["warnings"].as_u64()), Some((3, list.len() as u64 - 3)));
    assert_eq!(json["fine"], false);
    let found = list.iter().find(|found| found["code"] == "unknown-filter").expect("a finding");
    insta::assert_json_snapshot!(found);
    let known: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert!(list.iter().all(|found| known.contains(&found["code"].as_str().unwrap_or_default())), "{list:?}");
    assert!(!json.to_string().contains("hunter2"));
}

#[test]
fn github_shows_a_finding_beside_its_line() {
    let text = show::github(&examined(MISTAKES));
    let line = text.lines().find(|line| line.contains("title=unknown-filter")).expect("a line");
    assert_eq!(
        line,
        "::error file=tests/fixtures/config/mistakes.yaml,line=19,col=34,endColumn=38,title=unknown-filter::the template \
         of the link: there is no filter \"uper\"%0Ahint: did you mean \"upper\"?"
    );
    assert!(!text.contains("hunter2"));
}

#[test]
fn a_file_that_is_not_there_has_no_line() {
    let examined = examined("no/such/file.yaml");
    let json = show::json(&examined, &[]);
    assert_eq!(json["diagnostics"][0]["code"], "unreadable");
    assert!(json["diagnostics"][0]["line"].is_null());
    assert!(show::text(&examined, &[], Style::Plain).contains("no/such/file.yaml: error: cannot read the config"));
}

#[test]
fn the_page_lists_every_code() {
    let page = include_str!("../../../docs/checking.md");
    for code in Code::ALL {
        assert!(page.contains(&format!("| `{}` |", code.as_str())), "{} is missing in docs/checking.md", code.as_str());
    }
}
