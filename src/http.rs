//! What every HTTP client here shares: who it says it is, whose certificates it trusts, how much of an answer it reads, and
//! how its errors are told. Who is asked, and what an answer means, is known by the rooms that ask.

use std::path::{Path, PathBuf};

/// A file of certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read ca_file {path:?}: {why}")]
pub(crate) struct CaFileError {
    pub(crate) path: PathBuf,
    pub(crate) why: String,
}

/// A client that trusts the system's authorities, and those of a PEM file beside them.
pub(crate) fn builder(ca_file: Option<&Path>) -> Result<reqwest::ClientBuilder, CaFileError> {
    let builder = reqwest::Client::builder().user_agent(concat!("rowbell/", env!("CARGO_PKG_VERSION")));
    match ca_file {
        None => Ok(builder),
        Some(path) => with_authorities(builder, path).map_err(|why| CaFileError { path: path.to_owned(), why }),
    }
}

#[cfg(feature = "tls")]
fn with_authorities(builder: reqwest::ClientBuilder, path: &Path) -> Result<reqwest::ClientBuilder, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(builder.tls_certs_merge(certificates))
}

#[cfg(not(feature = "tls"))]
fn with_authorities(_: reqwest::ClientBuilder, _: &Path) -> Result<reqwest::ClientBuilder, String> {
    Err("this binary was built without TLS".to_owned())
}

/// The innermost error: "connection refused", "certificate has expired". The error's own text holds the URL, which may be
/// a secret.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let Some(mut cause) = std::error::Error::source(error) else {
        return "request failed".to_owned();
    };
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The beginning of an answer's body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    /// More would have come.
    pub(crate) cut: bool,
}

/// Reads `bytes_max` bytes of an answer at most, whatever it says of its length. Fails where the body breaks off.
pub(crate) async fn body(mut response: reqwest::Response, bytes_max: usize) -> Result<Body, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = bytes_max - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Body { bytes, cut: true });
        }
    }
    Ok(Body { bytes, cut: false })
}
