//! Settings that are only read at the start.

use crate::config::Config;
use secrecy::ExposeSecret;

/// Puts what is in force in the place of what only a restart changes; answers which settings those are.
pub(super) fn keep_what_needs_one(config: &mut Config, running: &Config) -> Vec<&'static str> {
    let (new, old) = (&config.kafka, &running.kafka);
    let token = |config: &Config| {
        let admin = config.admin.as_ref()?;
        Some((admin.listen, admin.token.as_ref().map(|token| token.expose_secret().to_owned())))
    };
    let dead_letters = config.dead_letter_topic != running.dead_letter_topic;
    let all = [
        ("kafka.brokers", new.brokers != old.brokers),
        ("kafka.group", new.group != old.group),
        ("kafka.topics", new.topics != old.topics),
        ("kafka.start", new.start != old.start),
        ("kafka.instance_id", new.instance_id != old.instance_id),
        ("kafka.properties", new.properties != old.properties),
        ("dead_letter.topic", dead_letters),
        ("hooks", new.own_topics != old.own_topics && !dead_letters),
        ("http.listen", config.listen != running.listen),
        ("http.admin", token(config) != token(running)),
    ];
    config.kafka.clone_from(&running.kafka);
    config.dead_letter_topic.clone_from(&running.dead_letter_topic);
    config.listen = running.listen;
    config.admin.clone_from(&running.admin);
    all.into_iter().filter_map(|(setting, differs)| differs.then_some(setting)).collect()
}
