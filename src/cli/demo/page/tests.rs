use super::*;
use crate::cli::demo::receiver::Options;

struct Served {
    receiver: Arc<Receiver>,
    asks: mpsc::Receiver<Ask>,
    base: String,
    client: reqwest::Client,
}

async fn serve() -> Served {
    let receiver = Receiver::new(Options { latency: Duration::ZERO, ..Options::default() });
    let (sender, asks) = mpsc::channel(1);
    let status = Status {
        lanes: vec![LaneStatus { destination: "ops".into(), kind: "slack".into(), ..LaneStatus::default() }],
        ..Status::default()
    };
    let app = router(Arc::clone(&receiver), Arc::new(move || status.clone()), sender).merge(receiver.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    Served { receiver, asks, base, client: reqwest::Client::builder().no_proxy().build().unwrap() }
}

impl Served {
    async fn post(&self, path: &str, body: &'static str) -> u16 {
        let request = self.client.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        request.body(body).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn every_part_that_the_page_names_is_served_and_nothing_from_elsewhere() {
    let served = serve().await;
    for (path, _, text) in PARTS {
        let response = served.client.get(format!("{}{path}", served.base)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        assert!(!text.contains("innerHTML"), "{path} builds markup from text");
        let names = text.split(['"', '\'']).filter(|word| word.starts_with("/demo/") && word.contains('.'));
        for name in names {
            assert!(PARTS.iter().any(|(part, _, _)| *part == name), "{path} names {name}");
        }
    }
}

#[tokio::test]
async fn the_stream_greets_then_sends_modes_history_and_status_and_ends_with_the_receiver() {
    let served = serve().await;
    assert_eq!(served.post("/slack/services/DEMO/ops", r#"{"text":"hello"}"#).await, 200);
    let mut response = served.client.get(format!("{}/demo/stream", served.base)).send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("event: status") {
        seen.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    let names: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["hello", "modes", "post", "status"]);
    assert!(seen.contains(r#"{"slack":"ok","teams":"ok"}"#));
    assert!(seen.contains(r#""service":"slack","channel":"ops","status":200,"answer":"ok""#));
    assert!(seen.contains(r#""pending":{"critical":0,"normal":0,"low":0},"in_flight":0,"waiting":null"#));
    served.receiver.close();
    while response.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn the_buttons_reach_the_stand_in_and_the_generator() {
    let mut served = serve().await;
    assert_eq!(served.post("/demo/fault", r#"{"destination":"slack","mode":"down"}"#).await, 204);
    assert_eq!(served.receiver.modes().borrow().slack, Mode::Down);
    assert_eq!(served.post("/demo/fault", r#"{"destination":"slack","mode":"sideways"}"#).await, 422);
    assert_eq!(served.post("/demo/change", r#"{"what":"critical"}"#).await, 202);
    assert_eq!(served.post("/demo/change", r#"{"what":"price"}"#).await, 429);
    assert_eq!(served.asks.recv().await, Some(Ask::Critical));
    drop(served.asks);
    let request = served.client.post(format!("{}/demo/change", served.base)).header("content-type", "text/plain");
    assert_eq!(request.body(r#"{"what":"price"}"#).send().await.unwrap().status(), 415);
}
