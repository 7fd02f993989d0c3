//! The way out: proxies.

use crate::support::broker::Broker;
use crate::support::change::{key, price};
use crate::support::receiver::Receiver;
use crate::support::service::{SECRET, Service, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_leave_through_the_proxy_of_the_config() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    // A name that nobody but a proxy could reach. The receiver takes whole URLs, as an HTTP proxy does.
    let setup = Setup {
        destinations: "  far: { webhook: { url: \"http://hooks.invalid/far\" } }\n".to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [far, ops] }\n".to_owned(),
        more: "outgoing: { proxy: \"http://RECEIVER\" }\n".to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.until_committed(0, 1).await;
    let targets: Vec<_> = receiver.accepted("").into_iter().map(|arrival| arrival.target).collect();
    assert!(targets.contains(&"http://hooks.invalid/far".to_owned()), "{targets:?}");
    assert!(targets.contains(&format!("http://{}/slack/ops/{SECRET}", receiver.address)), "{targets:?}");
    service.stop().await.expect("a clean stop");
}
