//! Destinations, asked without posting anything.

use super::Asked;
use crate::config::{Code, Config, Diagnostic, Examined};
use crate::destination::{Http, Probe, probe};

/// Probes each destination.
pub async fn ask(config: &Config, examined: &mut Examined, asked: &mut Vec<Asked>) {
    let http = match Http::new(&config.http) {
        Ok(http) => http,
        Err(error) => {
            let text = error.to_string();
            let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, "look at outgoing"));
            let place = examined.place(&["outgoing"]);
            examined.report.push(Diagnostic::error(place, message).code(Code::Unreachable).hint(hint));
            return;
        }
    };
    for destination in &config.destinations {
        let what = format!("destination {}", destination.name);
        let place = examined.place(&["destinations", &destination.name]);
        match probe(&http, &destination.target).await {
            Probe::Accepts(said) | Probe::Answers(said) => asked.push(Asked::fine(what, said)),
            Probe::Refuses(said) => {
                let message = format!("{:?} accepts nothing: {said}", destination.name);
                let found = Diagnostic::error(place, message).code(Code::DestinationRefuses);
                examined.report.push(found.hint("posts will wait until it does"));
                asked.push(Asked::wrong(what, said));
            }
            Probe::Silent(said) => {
                let found = Diagnostic::error(place, format!("{:?} does not answer: {said}", destination.name));
                examined
                    .report
                    .push(found.code(Code::Unreachable).hint("posts will wait until it does; is there a proxy?"));
                asked.push(Asked::wrong(what, said));
            }
        }
    }
}
