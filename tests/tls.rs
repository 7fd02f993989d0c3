//! HTTPS to a receiver whose certificate comes from an authority of its own.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rowbell::destination::{Errand, Http, HttpSettings, Poster, Target};
use rowbell::message::Locale;
use rowbell::outbox::Outcome;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A receiver that says yes to every request, behind TLS; and the authority's certificate as PEM.
async fn receiver() -> (SocketAddr, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us ends the handshake: the next one may.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok() {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    });
    (address, authority.pem())
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_once_the_config_names_it() {
    let (address, authority) = receiver().await;
    let url = format!("https://localhost:{}/slack", address.port());
    let poster = Poster::new("ops", &Target::SlackWebhook { url: url.into() });
    let payload = serde_json::json!({"text": "hello"});
    let errand = Errand {
        payload,
        id: "id".to_owned(),
        row: None,
        loud: false,
        locale: Locale::english(),
        since: Instant::now(),
    };

    let strangers = Http::new(&HttpSettings { direct: true, ..HttpSettings::default() }).unwrap();
    let verdict = poster.post(&strangers, &errand).await;
    assert!(matches!(verdict.outcome, Outcome::Retry { .. }), "{verdict:?}");
    assert!(verdict.detail.contains("certificate"), "the reason is named: {verdict:?}");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    let settings = HttpSettings { ca_file: Some(file.path().to_owned()), direct: true, ..HttpSettings::default() };
    let verdict = poster.post(&Http::new(&settings).unwrap(), &errand).await;
    assert_eq!(verdict.outcome, Outcome::Delivered, "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_connect_is_trusted_once_its_authority_is_named() {
    let (address, authority) = receiver().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    let status = async |more: Vec<String>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rowbell"));
        command.args(["connector", "status", "connectors/postgres.json", "--connect"]);
        command.arg(format!("https://localhost:{}", address.port())).args(more).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let said = status(Vec::new()).await;
    assert!(said.contains("no Kafka Connect answers at localhost") && said.contains("certificate"), "{said}");
    let said = status(vec!["--ca-file".to_owned(), file.path().display().to_string()]).await;
    assert!(
        said.contains("HTTP 200 from localhost"),
        "the connection is trusted, only the answer is not Connect's: {said}"
    );
}
