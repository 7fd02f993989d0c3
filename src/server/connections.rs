//! Connections of the HTTP servers, bounded in number and in how long they may say nothing: each takes a file descriptor, and
//! without a free one no post can be made. axum's own `serve` bounds neither.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a server allows.
#[derive(Clone, Copy)]
struct Bounds {
    /// Connections open at once. Others wait to be taken.
    open: usize,
    /// Longest time that a request's head may take.
    head: Duration,
    /// Longest time from the connection to its answer's end: who reads no answer holds his place no longer.
    whole: Duration,
}

/// A scrape, two probes and a person need four connections.
const BOUNDS: Bounds = Bounds { open: 64, head: Duration::from_secs(10), whole: Duration::from_secs(60) };

/// Pause where no connection can be taken: file descriptors become free as connections end.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until it is dropped: health and metrics are wanted most while the service drains.
pub async fn serve(listener: TcpListener, router: Router) {
    serve_within(BOUNDS, listener, router).await;
}

async fn serve_within(bounds: Bounds, listener: TcpListener, router: Router) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        if open.len() >= bounds.open {
            open.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                open.spawn(connection(stream, router.clone(), bounds));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken by the HTTP server");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One request: a connection that was kept for the next would keep others out.
async fn connection(stream: TcpStream, router: Router, bounds: Bounds) {
    let mut server = http1::Builder::new();
    server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(bounds.head);
    let served = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(bounds.whole, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection of the HTTP server broke off"),
        Err(_) => tracing::debug!("a connection of the HTTP server took too long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_connects_and_says_nothing_keeps_others_out_for_a_while_only() {
        let bounds = Bounds { open: 2, head: Duration::from_millis(300), whole: Duration::from_secs(60) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve_within(bounds, listener, Router::new().route("/livez", get(|| async { "ok\n" }))));
        let began = Instant::now();
        let mut silent = Vec::new();
        for _ in 0..bounds.open {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        silent[0].write_all(b"GET /livez HTTP/1.1\r\nhost:").await.unwrap();
        let answer = ask(address).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ok\n"), "{answer}");
        assert!(began.elapsed() >= bounds.head, "a third one is open beside two");
        for mut stream in silent {
            // Closed, with or without a word about it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        assert!(ask(address).await.ends_with("ok\n"));
    }
    #[tokio::test]
    async fn an_answer_that_takes_for_ever_does_not_hold_its_place() {
        let bounds = Bounds { open: 1, head: Duration::from_secs(10), whole: Duration::from_millis(300) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/never", get(|| async { std::future::pending::<&str>().await }))
            .route("/livez", get(|| async { "ok\n" }));
        tokio::spawn(serve_within(bounds, listener, router));
        let mut stuck = TcpStream::connect(address).await.unwrap();
        stuck.write_all(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(ask(address).await.ends_with("ok\n"));
    }
}
