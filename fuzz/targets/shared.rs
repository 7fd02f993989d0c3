//! What the targets share: a record from the fuzzer's bytes, and everything that is done with a record.

use rowbell::change::{
    Format, Identities, Known, NoHints, Placeholders, Reading, Record, Repeats, Schemas, Skim, skim_as, suspicions,
};
use std::sync::Arc;

#[allow(dead_code)] // `frames` has no parts.
/// Parts of an input are separated by this byte, which neither JSON nor UTF-8 has.
pub const SEPARATOR: u8 = 0xff;

/// Goes through a record as the service does: what it is, whether it may matter, what changed, what looks odd.
pub fn whole(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(String, Option<Vec<u8>>)], schemas: &dyn Schemas) {
    let topic: Arc<str> = "shop.public.listings".into();
    let headers = headers.to_vec();
    let record = Record { topic: &topic, partition: 0, offset: 7, timestamp_ms: None, key, value, headers: &headers };
    let mut identities = Identities::default();
    let mut repeats = Repeats::default();
    let formats = std::iter::once(None).chain(Format::ALL.map(Some));
    for format in formats {
        let reading = Reading { format, placeholders: Placeholders::new(format.map(|_| "n/a")) };
        let Ok(skimmed) = skim_as(&record, schemas, &reading) else { continue };
        match skimmed {
            Skim::Change(envelope) => {
                identities.observe(&envelope);
                repeats.seen(&envelope);
                let may = envelope.may_touch(&["id", "price", "title"]);
                let known = Known { config: &NoHints, learnt: &identities };
                let Ok(change) = envelope.change(&known) else { continue };
                // Cheap looks may say yes in vain, and never no. A schema may give equal bytes two meanings.
                let watched = |name: &str| matches!(name, "id" | "price" | "title");
                let found = change.changes.iter().any(|changed| watched(&changed.name) && changed.new.is_some());
                assert!(may || !found || envelope.has_schema());
                for column in change.row().into_iter().flat_map(|row| &row.columns) {
                    assert!(column.value.same(&column.value));
                    let _ = (column.value.canonical(), column.value.plain());
                }
                let _ = suspicions(&envelope, &change, &known);
                let _ = change.judged();
            }
            Skim::Message(message) => drop(message.text().into_owned()),
            _ => {}
        }
    }
}
