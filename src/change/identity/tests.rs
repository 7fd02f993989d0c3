//! What updates teach about a table.

use super::*;
use crate::change::tests::Sample;

#[test]
fn an_update_with_an_unchanged_key_and_an_old_image_shows_a_full_identity() {
    let mut identities = Identities::default();
    identities.observe(&Sample::change("u", r#"{"id":1,"n":1}"#, r#"{"id":1,"n":2}"#).envelope());
    assert_eq!(identities.full("shop", "public.listings"), Some(true));
    assert_eq!(identities.full("other", "public.listings"), None);
}

#[test]
fn an_update_without_an_old_image_shows_the_default_identity_even_later() {
    let mut identities = Identities::default();
    identities.learn("shop", "public.listings", true);
    identities.observe(&Sample::change("u", "null", r#"{"id":1,"n":2}"#).envelope());
    assert_eq!(identities.full("shop", "public.listings"), Some(false));
}

#[test]
fn a_changed_key_and_other_operations_teach_nothing() {
    let identities = Identities::default();
    for sample in [
        Sample::change("u", r#"{"id":2,"n":1}"#, r#"{"id":1,"n":1}"#),
        Sample::change("u", r#"{"id":1,"n":1}"#, r#"{"id":1,"n":1}"#).key(None),
        Sample::change("d", r#"{"id":1,"n":1}"#, "null"),
        Sample::change("c", "null", r#"{"id":1,"n":1}"#),
        Sample::of("mysql", "u", r#"{"id":1,"n":1}"#, r#"{"id":1,"n":2}"#),
    ] {
        assert_eq!(identities.lesson(&sample.envelope()), None);
    }
}

#[test]
fn memory_is_bounded() {
    let mut identities = Identities::default();
    for table in 0..TABLES_MAX + 10 {
        identities.learn("shop", &table.to_string(), true);
    }
    assert_eq!(identities.order.len(), TABLES_MAX);
    assert_eq!(identities.full["shop"].len(), TABLES_MAX);
    assert_eq!(identities.full("shop", "0"), None);
    assert_eq!(identities.full("shop", "10009"), Some(true));
}
