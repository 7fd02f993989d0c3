//! Asking and telling a running service: `status`, `pause`, `resume`, `reload`, and what `explain` asks.

mod status;
mod table;
mod tell;

pub use status::{StatusArguments, lane_state, status};
pub use table::Table;
pub use tell::{DestinationArguments, ReloadArguments, pause, reload};

use super::{Failure, runtime};
use crate::config;
use crate::http::root_cause;
use crate::server::AdminSettings;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for an answer: a reload takes up to twelve seconds of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which running service.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AdminArguments {
    /// Where the running service listens for this [default: http.admin of the config, else 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS", env = "ROWBELL_ADMIN")]
    admin: Option<SocketAddr>,

    /// The token of http.admin_token [default: the config's]
    #[arg(long, value_name = "TOKEN", env = "ROWBELL_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<SecretString>,
}

/// A running service.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    token: Option<SecretString>,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

/// What came of a question.
#[derive(Debug)]
pub enum Answer {
    /// This.
    Told(Json),
    /// It does not do that, and says why.
    Refused(String),
}

impl Running {
    /// The service that the arguments name, else the config. Nothing is asked yet.
    pub fn find(arguments: &AdminArguments, config: Option<&std::path::Path>) -> Result<Self, Failure> {
        let settings = match (arguments.admin, config) {
            (Some(listen), _) => AdminSettings { listen, token: None, chosen: true },
            (None, config) => from_config(config)?,
        };
        let mut client = reqwest::Client::builder().timeout(PATIENCE);
        if settings.listen.ip().is_loopback() {
            client = client.no_proxy();
        }
        let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("cannot make an HTTP client: {error}"));
        Ok(Self {
            address: settings.listen,
            token: arguments.admin_token.clone().or(settings.token),
            runtime: runtime().map_err(|error| failed(&error))?,
            client: client.build().map_err(|error| failed(&error))?,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks; changes nothing.
    pub fn get(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.ask(reqwest::Method::GET, path)
    }

    /// Tells it to do something.
    pub fn post(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.ask(reqwest::Method::POST, path)
    }

    fn ask(&self, method: reqwest::Method, path: &[&str]) -> Result<Answer, Failure> {
        let silent = |why: String| {
            Failure::Failed(format!(
                "no running Rowbell answers at {}: {why}\nhint: ask where `rowbell run` runs (kubectl exec POD -- rowbell ...), \
                 with its config or --admin; is http.admin off?",
                self.address
            ))
        };
        let mut url =
            url::Url::parse(&format!("http://{}", self.address)).map_err(|error| silent(error.to_string()))?;
        // Segment by segment, so that a name with a slash stays one.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let answer = self.runtime.block_on(async {
            let answer = request.send().await?;
            Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.text().await?))
        });
        let (status, body) = answer.map_err(|error| silent(root_cause(&error)))?;
        let Ok(body) = serde_json::from_str::<Json>(&body) else {
            return Err(silent(format!("HTTP {status}, and not in its words: something else listens there")));
        };
        match (status, body.get("error").and_then(Json::as_str)) {
            (200, _) => Ok(Answer::Told(body)),
            (404 | 409, Some(why)) => Ok(Answer::Refused(why.to_owned())),
            (_, why) => Err(Failure::Failed(why.map_or_else(|| format!("HTTP {status}"), str::to_owned))),
        }
    }
}

fn from_config(named: Option<&std::path::Path>) -> Result<AdminSettings, Failure> {
    let path: PathBuf = config::find(named);
    // Nobody named a file and there is none: the usual address then.
    if named.is_none() && std::env::var_os(config::FILE_VARIABLE).is_none() && !path.exists() {
        return Ok(AdminSettings::default());
    }
    let settings = config::load_admin(&path).map_err(Failure::Config)?;
    settings.ok_or_else(|| {
        let why =
            format!("{} switches http.admin off\nhint: give it an address, or name one with --admin", path.display());
        Failure::Failed(why)
    })
}
