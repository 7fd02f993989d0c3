//! `schema_registry:`

use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Report};
use crate::config::model::SchemaRegistryModel;
use crate::registry::{Credentials, RegistrySettings};

pub(super) fn registry(model: At<SchemaRegistryModel>, report: &mut Report) -> RegistrySettings {
    let At { value: model, place } = model;
    let mut wrong = |place, what: &str, hint: &str| report.push(Diagnostic::error(place, what).hint(hint));
    if model.url.0.is_empty() {
        wrong(place, "schema_registry.url is missing", "write it like http://registry:8081");
    }
    for url in &model.url.0 {
        // The text may hold a password, so it is not repeated.
        if !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            wrong(url.place, "schema_registry.url is not the URL of a registry", "write it like http://registry:8081");
        }
    }
    let credentials = match (model.username, model.password, model.token) {
        (None, None, None) => Credentials::None,
        (Some(username), Some(password), None) => Credentials::Basic { username, password },
        (None, None, Some(token)) => Credentials::Bearer(token),
        _ => {
            wrong(
                place,
                "schema_registry says in two ways, or half, who asks",
                "either username and password, or token, or neither",
            );
            Credentials::None
        }
    };
    RegistrySettings {
        urls: model.url.0.into_iter().map(|url| url.value.into()).collect(),
        credentials,
        ca_file: model.ca_file.map(|file| file.value.into()),
    }
}
