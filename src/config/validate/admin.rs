//! `http.admin`, `http.admin_token`

use crate::config::diagnostic::{Diagnostic, Place, Report};
use crate::config::model::HttpModel;
use crate::server::AdminSettings;
use secrecy::ExposeSecret;

/// Where a running service is asked and told things; none where that is switched off.
pub fn admin(model: &HttpModel, report: &mut Report) -> Option<AdminSettings> {
    let mut settings = AdminSettings::default();
    if let Some(admin) = &model.admin {
        if admin.value == "off" {
            return None;
        }
        settings.chosen = true;
        match admin.parse() {
            Ok(address) => settings.listen = address,
            Err(_) => report.push(
                Diagnostic::error(admin.place, format!("{:?} is no address to listen on", admin.value))
                    .hint("write address:port, e.g. 127.0.0.1:8081, or off"),
            ),
        }
    }
    settings.token = model.admin_token.clone();
    let place = model.admin.as_ref().map_or(Place::default(), |admin| admin.place);
    if settings.token.as_ref().is_some_and(|token| token.expose_secret().trim().is_empty()) {
        report.push(
            Diagnostic::error(place, "http.admin_token is empty")
                .hint("is the environment variable or secret file behind it filled in?"),
        );
    }
    if !settings.listen.ip().is_loopback() && settings.token.is_none() {
        report.push(
            Diagnostic::error(
                place,
                format!(
                    "http.admin at {} is open to the network: whoever reaches it may pause destinations",
                    settings.listen
                ),
            )
            .hint("listen on 127.0.0.1, or give an admin_token: \"${env:ROWBELL_ADMIN_TOKEN}\""),
        );
    }
    Some(settings)
}
