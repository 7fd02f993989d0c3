//! Dead letters: what could not be decoded or posted, kept with its reason where an operator can replay it.

use super::client::{KafkaSettings, without_value};
use crate::change::Record;
use crate::ledger::Partition;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, FutureProducer, FutureRecord, Producer};
use rdkafka::util::Timeout;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a letter may wait for room in the producer's queue.
const WRITE: Duration = Duration::from_secs(30);

/// How long one question to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// Acks that no broker knows: it checks the right to write first, then refuses the request as a whole. That tells
/// whether we may write without writing anything.
const IMPOSSIBLE_ACKS: &str = "2";

/// Header of the record that says which letter (`PARTITION:OFFSET`) was replayed. It is no dead letter itself: it has no
/// `rowbell.reason`.
pub const REPLAYED_HEADER: &str = "rowbell.replayed";

/// A record's bytes as Kafka holds them, kept while it may still become a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Value bytes.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl RawRecord {
    /// Copies a record out of librdkafka's memory.
    pub fn copy(record: &Record<'_>) -> Self {
        Self {
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.all(),
        }
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum();
        (self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers) as u64
    }
}

/// A dead letter: the record, and why it is one (design section 9).
#[derive(Debug, Clone)]
pub struct DeadLetter<'a> {
    /// The record as it was.
    pub record: &'a RawRecord,
    /// Where it stands.
    pub partition: &'a Partition,
    /// Where it stands.
    pub offset: i64,
    /// decode, rejected, exhausted, expired, removed
    pub reason: &'a str,
    /// What the destination or the decoder said.
    pub error: &'a str,
    /// Which destination refused it.
    pub destination: Option<&'a str>,
    /// Which rules wanted it.
    pub rule: Option<&'a str>,
    /// Posts tried.
    pub attempts: u32,
    /// When it was given up, RFC 3339.
    pub time: String,
}

/// The dead-letter topic cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// No broker answers, or not in time: worth another try.
    #[error("cannot ask Kafka about the dead-letter topic: {0}")]
    Unreachable(KafkaError),
    /// It does not exist and we may not make it.
    #[error(
        "the dead-letter topic {topic:?} does not exist and cannot be created: {error}\nhint: create it, or give the principal the right Create on it"
    )]
    Missing {
        /// Its name.
        topic: String,
        /// What Kafka said.
        error: String,
    },
    /// We may not write to it.
    #[error(
        "Kafka denies writing to the dead-letter topic {topic:?}\nhint: give the principal the rights Write and Describe on it"
    )]
    Denied {
        /// Its name.
        topic: String,
    },
    /// Properties that a producer does not take.
    #[error("the producer for dead letters cannot be made: {0}\nhint: look at kafka.properties")]
    Properties(KafkaError),
}

/// Writes dead letters; each is acknowledged by all in-sync replicas before it counts.
#[derive(Clone)]
pub struct DeadLetters {
    config: ClientConfig,
    /// Made for the first letter: its thread looks for answers ten times a second, with or without letters.
    producer: Arc<Mutex<Option<FutureProducer>>>,
    topic: String,
}

impl DeadLetters {
    /// Makes sure that a producer takes the properties; asks nothing yet.
    pub fn new(settings: &KafkaSettings, topic: &str) -> Result<Self, DeadLetterError> {
        let config = settings.producer();
        let _: BaseProducer = config.create().map_err(properties)?;
        Ok(Self { config, producer: Arc::default(), topic: topic.to_owned() })
    }

    /// Makes sure that the topic exists and that we may write to it, without writing.
    pub async fn verify(&self, settings: &KafkaSettings) -> Result<(), DeadLetterError> {
        if !self.exists(settings).await? {
            self.create(settings).await?;
        }
        self.may_write(settings).await
    }

    /// Whether the topic is there and we may write to it; `false` where it is not there. Makes nothing.
    pub async fn look(&self, settings: &KafkaSettings) -> Result<bool, DeadLetterError> {
        match self.exists(settings).await? {
            true => self.may_write(settings).await.map(|()| true),
            false => Ok(false),
        }
    }

    async fn exists(&self, settings: &KafkaSettings) -> Result<bool, DeadLetterError> {
        let config = settings.observer();
        let topic = self.topic.clone();
        let asked = tokio::task::spawn_blocking(move || -> Result<bool, KafkaError> {
            let consumer: BaseConsumer = config.create().map_err(without_value)?;
            let metadata = consumer.fetch_metadata(Some(&topic), ASK)?;
            Ok(metadata.topics().iter().any(|found| found.name() == topic && !found.partitions().is_empty()))
        });
        match asked.await {
            Ok(Ok(exists)) => Ok(exists),
            Ok(Err(error)) => Err(DeadLetterError::Unreachable(error)),
            Err(error) => Err(DeadLetterError::Unreachable(KafkaError::ClientCreation(error.to_string()))),
        }
    }

    async fn create(&self, settings: &KafkaSettings) -> Result<(), DeadLetterError> {
        let missing = |error: String| DeadLetterError::Missing { topic: self.topic.clone(), error };
        let admin: AdminClient<DefaultClientContext> = settings.observer().create().map_err(properties)?;
        // One partition keeps the letters in order; -1 takes the broker's default replication.
        let topic = NewTopic::new(&self.topic, 1, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().operation_timeout(Some(Timeout::After(ASK)));
        let made = admin.create_topics([&topic], &options).await.map_err(|error| missing(error.to_string()))?;
        match made.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | Some(Ok(_)) => {
                tracing::info!(topic = %self.topic, "created the dead-letter topic");
                Ok(())
            }
            Some(Err((_, code))) => Err(missing(code.to_string())),
            None => Err(missing("Kafka gave no answer".to_owned())),
        }
    }

    async fn may_write(&self, settings: &KafkaSettings) -> Result<(), DeadLetterError> {
        let mut config = settings.producer();
        config.set("enable.idempotence", "false").set("acks", IMPOSSIBLE_ACKS).set("retries", "0");
        let probe: FutureProducer = config.create().map_err(properties)?;
        let headers = OwnedHeaders::new().insert(Header { key: "rowbell.reason", value: Some("probe") });
        let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.topic).headers(headers);
        match probe.send(record, Timeout::After(ASK)).await {
            Err((KafkaError::MessageProduction(code), _)) => match code {
                RDKafkaErrorCode::TopicAuthorizationFailed => {
                    Err(DeadLetterError::Denied { topic: self.topic.clone() })
                }
                RDKafkaErrorCode::InvalidRequiredAcks => Ok(()),
                code => Err(DeadLetterError::Unreachable(KafkaError::MessageProduction(code))),
            },
            Err((error, _)) => Err(DeadLetterError::Unreachable(error)),
            // Some brokers take any acks: the probe is in the topic then, and says so in its header.
            Ok(_) => Ok(()),
        }
    }

    /// Writes one letter and waits until it is acknowledged. An error means it is not there: try again.
    pub async fn write(&self, letter: &DeadLetter<'_>) -> Result<(), KafkaError> {
        match self.send(letter, true).await {
            // Too large for the topic: its place in Kafka and the reason are still worth keeping.
            Err(KafkaError::MessageProduction(
                RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize,
            )) => self.send(letter, false).await,
            result => result,
        }
    }

    /// Notes in the topic that a letter was replayed. Its key lets a compacted topic keep one note per letter.
    pub async fn mark_replayed(&self, letter: &str) -> Result<(), KafkaError> {
        let (key, time) = (format!("{REPLAYED_HEADER} {letter}"), jiff::Timestamp::now().to_string());
        let headers = OwnedHeaders::new()
            .insert(Header { key: REPLAYED_HEADER, value: Some(letter) })
            .insert(Header { key: "rowbell.time", value: Some(time.as_str()) });
        let record = FutureRecord::to(&self.topic).key(&key).payload("replayed").headers(headers);
        self.producer()?.send(record, Timeout::After(WRITE)).await.map(|_| ()).map_err(|(error, _)| error)
    }

    async fn send(&self, letter: &DeadLetter<'_>, whole: bool) -> Result<(), KafkaError> {
        let headers = headers(letter, whole);
        let mut record: FutureRecord<'_, Vec<u8>, Vec<u8>> = FutureRecord::to(&self.topic).headers(headers);
        if whole {
            if let Some(key) = &letter.record.key {
                record = record.key(key);
            }
            if let Some(value) = &letter.record.value {
                record = record.payload(value);
            }
        }
        let producer = self.producer()?;
        let sent = producer.send(record, Timeout::After(WRITE)).await;
        if sent.is_err() && producer.client().fatal_error().is_some() {
            self.renew();
        }
        sent.map(|_| ()).map_err(|(error, _)| error)
    }

    fn producer(&self) -> Result<FutureProducer, KafkaError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        match &*producer {
            Some(made) => Ok(made.clone()),
            None => Ok(producer.insert(self.config.create().map_err(without_value)?).clone()),
        }
    }

    /// An idempotent producer that lost its sequence (its topic was made anew, its epoch expired) never writes again.
    fn renew(&self) {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        // Many letters may fail at once; the first renews it for all.
        if producer.as_ref().is_some_and(|producer| producer.client().fatal_error().is_some()) {
            *producer = None;
        }
    }

    /// Waits for what is still on its way.
    pub fn flush(&self) {
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(producer) = producer
            && let Err(error) = producer.flush(ASK)
        {
            tracing::warn!(%error, "dead letters are still on their way at the end; their records are not committed");
        }
    }
}

fn properties(error: KafkaError) -> DeadLetterError {
    DeadLetterError::Properties(without_value(error))
}

fn headers(letter: &DeadLetter<'_>, whole: bool) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    if whole {
        for (key, value) in &letter.record.headers {
            headers = headers.insert(Header { key, value: value.as_deref() });
        }
    }
    let (partition, offset) = (letter.partition.number.to_string(), letter.offset.to_string());
    let attempts = letter.attempts.to_string();
    let own = [
        ("rowbell.reason", Some(letter.reason)),
        ("rowbell.error", Some(letter.error)),
        ("rowbell.destination", letter.destination),
        ("rowbell.rule", letter.rule),
        ("rowbell.topic", Some(&*letter.partition.topic)),
        ("rowbell.partition", Some(partition.as_str())),
        ("rowbell.offset", Some(offset.as_str())),
        ("rowbell.attempts", Some(attempts.as_str())),
        ("rowbell.time", Some(letter.time.as_str())),
    ];
    for (key, value) in own {
        if let Some(value) = value {
            headers = headers.insert(Header { key, value: Some(value) });
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::schema::validator;
    use rdkafka::message::Headers;
    use serde_json::{Map, Value};

    fn written(letter: &DeadLetter<'_>) -> Value {
        let headers = headers(letter, true);
        let text = |header: Header<'_, &[u8]>| {
            let value = header.value.and_then(|value| std::str::from_utf8(value).ok());
            (header.key.to_owned(), value.map_or(Value::Null, Value::from))
        };
        Value::Object(headers.iter().map(text).collect::<Map<_, _>>())
    }

    #[test]
    fn a_letters_headers_are_as_its_schema_says() {
        let schema = validator(include_str!("../../schemas/dead-letter.schema.json"));
        let headers = vec![("trace".to_owned(), Some(b"abc".to_vec()))];
        let record = RawRecord { key: None, value: Some(b"x".to_vec()), headers };
        let partition = Partition { topic: "shop.public.listings".into(), number: 3 };
        let whole = DeadLetter {
            record: &record,
            partition: &partition,
            offset: 12,
            reason: "rejected",
            error: "HTTP 400, invalid_blocks",
            destination: Some("ops"),
            rule: Some("price"),
            attempts: 2,
            time: "2026-11-23T14:02:37.5Z".to_owned(),
        };
        let undecodable = DeadLetter { reason: "decode", destination: None, rule: None, attempts: 0, ..whole.clone() };
        for letter in [&whole, &undecodable] {
            let headers = written(letter);
            assert!(schema.is_valid(&headers), "{headers:#}");
            assert_eq!(headers["trace"], "abc");
        }
        assert!(!schema.is_valid(&written(&DeadLetter { reason: "bored", ..whole.clone() })));
        let note = serde_json::json!({REPLAYED_HEADER: "0:12", "rowbell.time": "2026-11-23T14:02:37Z"});
        assert!(schema.is_valid(&note));
    }
}
