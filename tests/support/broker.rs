//! librdkafka's mock cluster on a thread of its own (it may not move), and what is in it.

use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::Offset;
use rowbell::kafka::Feeder;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokio::net::TcpSocket;

use super::until;

/// Where the changes of the tests come from.
pub const LISTINGS: &str = "shop.public.listings";
/// Where dead letters go.
pub const DEAD_LETTERS: &str = "rowbell.dead-letter";
/// The consumer group of the tests; every test has a broker of its own.
pub const GROUP: &str = "pipeline";

const ASK: Duration = Duration::from_secs(10);

type Cluster = MockCluster<'static, DefaultProducerContext>;
type Order = Box<dyn FnOnce(&Cluster) + Send>;

/// A broker that lives as long as this value.
pub struct Broker {
    pub brokers: String,
    pub feeder: Feeder,
    orders: Sender<Order>,
    /// Its port, while it is down: nobody else shall take it.
    port: Mutex<Option<TcpSocket>>,
}

/// A record of the dead-letter topic.
#[derive(Debug)]
pub struct Letter {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: BTreeMap<String, String>,
}

impl Broker {
    /// A broker with the listings in `partitions` partitions.
    pub fn start(partitions: i32) -> Self {
        let (orders, inbox) = channel::<Order>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let cluster: Cluster = MockCluster::new(1).expect("a mock cluster");
            cluster.create_topic(LISTINGS, partitions, 1).expect("the topic of listings");
            cluster.create_topic(DEAD_LETTERS, 1, 1).expect("the topic of dead letters");
            tell.send(cluster.bootstrap_servers()).expect("somebody waits");
            while let Ok(order) = inbox.recv() {
                order(&cluster);
            }
        });
        let brokers = told.recv().expect("the cluster starts");
        let feeder = Feeder::new(&brokers).expect("a producer");
        Self { brokers, feeder, orders, port: Mutex::default() }
    }

    /// Does something to the cluster, on its thread, and waits for it.
    pub fn order(&self, order: impl FnOnce(&Cluster) + Send + 'static) {
        let (tell, told) = channel();
        let order: Order = Box::new(move |cluster| {
            order(cluster);
            tell.send(()).expect("somebody waits");
        });
        self.orders.send(order).expect("the cluster lives");
        told.recv().expect("the order is done");
    }

    /// How long each of its answers is under way from now on.
    pub fn answers_take(&self, delay: Duration) {
        self.order(move |cluster| cluster.broker_round_trip_time(1, delay).expect("a broker"));
    }

    /// It goes away, with all its connections.
    pub fn down(&self) {
        self.order(|cluster| cluster.broker_down(1).expect("a broker"));
        let socket = TcpSocket::new_v4().expect("a socket");
        // What is left of its connections does not count.
        socket.set_reuseaddr(true).expect("an option");
        // Bound, and not listening: whoever connects is refused.
        socket.bind(self.brokers.parse().expect("an address")).expect("its port is free");
        *self.port.lock().expect("no panic held it") = Some(socket);
    }

    /// It comes back, at its address.
    pub fn up(&self) {
        self.port.lock().expect("no panic held it").take();
        self.order(|cluster| cluster.broker_up(1).expect("a broker"));
    }

    /// Writes a record of the listings; the answer is its offset.
    pub async fn write(&self, partition: i32, key: Option<&str>, value: Option<&str>) -> i64 {
        self.write_to(LISTINGS, partition, key, value).await
    }

    /// Writes a record with a header as Debezium adds them; the answer is its offset.
    pub async fn write_to(&self, topic: &str, partition: i32, key: Option<&str>, value: Option<&str>) -> i64 {
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        let headers = [("__debezium.context.taskId", Some(&b"0"[..])), ("no-value", None)];
        self.feeder.write(topic, Some(partition), key, value, headers).await.expect("the broker takes the record")
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", group).set("enable.auto.commit", "false");
        config.create().expect("a consumer")
    }

    /// The group's committed offset, asked by somebody who never joins it.
    pub async fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.committed_by(GROUP, topic, partition).await
    }

    /// The committed offset of any group.
    pub async fn committed_by(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let consumer = self.consumer(group);
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let answer = tokio::task::spawn_blocking(move || consumer.committed_offsets(asked, ASK));
        let answer = answer.await.expect("no panic").expect("the broker answers");
        match answer.elements().first().map(|element| element.offset()) {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        }
    }

    /// Waits until the group committed exactly this offset of a partition of the listings.
    pub async fn until_committed(&self, partition: i32, offset: i64) {
        let what = format!("the commit of {LISTINGS}:{partition} at {offset}");
        until(&what, async || (self.committed(LISTINGS, partition).await == Some(offset)).then_some(())).await;
    }

    /// The dead letters, once there are so many.
    pub async fn letters(&self, count: usize) -> Vec<Letter> {
        let consumer = self.consumer("letters");
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(DEAD_LETTERS, 0, Offset::Beginning).expect("an offset");
        consumer.assign(&from).expect("an assignment");
        let mut letters = Vec::new();
        until("dead letters", async || {
            while let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                letters.push(Letter {
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    headers: message.headers().map(headers).unwrap_or_default(),
                });
            }
            (letters.len() >= count).then_some(())
        })
        .await;
        letters
    }
}

fn headers(headers: &rdkafka::message::BorrowedHeaders) -> BTreeMap<String, String> {
    let text = |bytes: Option<&[u8]>| bytes.map_or("(null)".to_owned(), |b| String::from_utf8_lossy(b).into_owned());
    headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
}
