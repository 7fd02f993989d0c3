mod wording;

use super::*;
use crate::change::{NoHints, RowChange, Skim, skim};
use crate::cli::records::read_records;
use crate::config::{self, Report};
use std::sync::Arc;

const CAPTURED: &[u8] = include_bytes!("../../../tests/fixtures/debezium/postgres-json.jsonl");

/// The captured change of this partition and offset of the sellers.
pub(super) fn seller(offset: i64) -> Arc<RowChange> {
    let captured = read_records("fixture", CAPTURED)
        .map(Result::unwrap)
        .find(|record| record.topic.ends_with(".sellers") && record.offset == offset)
        .unwrap();
    match skim(&captured.record()).unwrap() {
        Skim::Change(envelope) => Arc::new(envelope.change(&NoHints).unwrap().judged()),
        other => panic!("{}", other.kind()),
    }
}

pub(super) fn parsed(title: &str) -> Config {
    let text = format!(
        "kafka: {{ brokers: b, topics: [t] }}\n\
         tables:\n  public.sellers:\n    name: Seller\n    title: \"{title}\"\n\
         destinations:\n  ops: {{ slack: {{ webhook_url: \"https://slack.example/x\" }} }}\n\
         rules:\n  - {{ name: sellers, table: public.sellers, on: [create, update, delete, truncate], to: [ops] }}\n  \
           - {{ name: urgent, table: public.sellers, priority: critical, mention: here, tone: bad, to: [ops] }}\n"
    );
    config::parse(&text, Report::new("f"), &|_| None).unwrap_or_else(|report| panic!("{report}")).0
}

fn rendered(title: &str, change: &Arc<RowChange>) -> (String, f64) {
    let config = parsed(title);
    let metrics = Metrics::new().unwrap();
    let table = config.table("shop", "public.sellers").cloned();
    let folded = Folded::one(Arc::clone(change));
    let subject = Subject { config: &config, folded: &folded, table: table.as_deref(), rules: &[0] };
    let payload = Renderer::new(metrics.clone()).payload(&config.destinations[0], &subject);
    (payload.to_string(), metrics.rule_errors.with_label_values(&["sellers"]).get() as f64)
}

#[test]
fn a_template_that_fails_is_marked_and_counted_and_the_change_is_posted_all_the_same() {
    let (text, errors) = rendered("{{ row.no_such_column }}", &seller(2));
    assert!(text.contains("template of the title failed"), "{text}");
    assert!(text.contains("99999999999999999999.123456789"), "{text}");
    assert_eq!(errors, 1.0);
}

#[test]
fn a_row_that_the_source_does_not_tell_is_no_fault_of_the_template() {
    for (what, offset, words) in [("delete", 3, "Seller 2 removed"), ("truncate", 5, "removed")] {
        let (text, errors) = rendered("{{ row.name }}", &seller(offset));
        assert!(!text.contains("template"), "{what}: {text}");
        assert!(text.contains(words), "{what}: {text}");
        assert_eq!(errors, 0.0, "{what}");
    }
}

#[test]
fn a_title_from_the_config_leads_the_message() {
    let (text, errors) = rendered("{{ row.name }}, the shop", &seller(2));
    assert!(text.contains("Ada's Antiques, the shop"), "{text}");
    assert_eq!(errors, 0.0);
}

#[test]
fn a_refused_post_has_a_plain_and_short_form() {
    let config = parsed("{{ row.name }}");
    let metrics = Metrics::new().unwrap();
    let table = config.table("shop", "public.sellers").cloned();
    let folded = Folded::one(seller(2));
    let subject = Subject { config: &config, folded: &folded, table: table.as_deref(), rules: &[0] };
    let post = Renderer::new(metrics).simple(&config.destinations[0], &subject);
    assert!(post["text"].as_str().unwrap().contains("Ada's Antiques") && post.get("blocks").is_none(), "{post}");
}
