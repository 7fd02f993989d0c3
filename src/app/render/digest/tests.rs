use super::*;
use crate::app::render::tests::{parsed, seller};
use crate::change::Value;
use crate::outbox::Content;

/// The seller's change as a notice of these rules.
fn seller_payload(config: &Arc<Config>, rules: &[usize]) -> Payload {
    let table = config.table("shop", "public.sellers").cloned();
    Payload::new(config, &seller(2), None, table, rules.to_vec())
}

fn posted(config: &Config, digest: &Digest<Judged>, form: Form) -> String {
    let renderer = Renderer::new(crate::telemetry::Metrics::new().unwrap());
    renderer.of_digest(config, &config.destinations[0].target, digest, "1", form).to_string()
}

#[test]
fn a_digest_says_each_row_in_the_words_of_the_config_and_calls_whom_its_rules_call() {
    let config = Arc::new(parsed("{{ row.name }}, the shop"));
    let row: Arc<[u8]> = Arc::from([2u8]);
    let mut whole = Digest::default();
    let ordinary = seller_payload(&config, &[0]);
    entry(&ordinary, 3, Some(&row), |entry| {
        whole.add(entry, |_| (Arc::clone(&config), ordinary.table.clone(), vec![0]))
    });
    let text = posted(&config, &whole, Form::Whole);
    assert!(text.contains("Ada's Antiques, the shop") && !text.contains("<!here>"), "{text}");

    let mut counted = Counted::default();
    counted.count(seller_payload(&config, &[1, 0]), 2);
    counted.undone(5);
    counted.expired(seller_payload(&config, &[0]), 4);
    whole.merge(&counted.0);
    assert_eq!((whole.changes(), whole.shown(), whole.priority()), (14, 3, Priority::Critical));
    let text = posted(&config, &whole, Form::Whole);
    assert!(text.contains("<!here>") && text.contains("2 more changes are counted above"), "{text}");
    assert!(text.contains("5 changes came to nothing"), "{text}");
    assert!(text.contains("4 changes older than the rule allows were left out"), "{text}");
    let counts = posted(&config, &whole, Form::Counts);
    assert!(!counts.contains("the shop") && counts.contains("Counts only"), "{counts}");
}

#[test]
fn a_notice_in_a_digest_says_what_its_change_takes() {
    let config = Arc::new(parsed("{{ row.name }}"));
    let named = |name: &str| {
        let mut payload = seller_payload(&config, &[0]);
        let change = Arc::make_mut(&mut payload.change);
        let columns = change.after.iter_mut().flat_map(|row| &mut row.columns);
        columns.filter(|column| &*column.name == "name").for_each(|column| column.value = Value::Text(name.into()));
        payload.slim();
        payload
    };
    let (large, huge) = (named(&"x".repeat(1 << 20)), named(&"x".repeat(2 << 20)));
    let mut small = named("x");
    assert!((1..4096).contains(&small.bytes()), "{}", small.bytes());
    assert!((1 << 20..(1 << 20) + 4096).contains(&large.bytes()), "{}", large.bytes());
    // What it becomes by folding counts, too.
    assert!(matches!(small.fold(huge), outbox::Folded::Kept));
    assert!(small.bytes() > 2 << 20, "{}", small.bytes());
}
