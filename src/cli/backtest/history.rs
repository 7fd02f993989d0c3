//! The records of the past in the order in which they were written, whichever partition or file they stand in.

use crate::cli::Failure;
use crate::cli::input::{InputError, Records, captured, open_file, reader_failure};
use crate::cli::records::CapturedRecord;
use crate::kafka::{Beginning, KafkaSettings, Reader, ReaderError, Reading, connect};
use rdkafka::consumer::BaseConsumer;
use std::iter::Peekable;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Partitions that are read side by side: each takes a connection and its share of memory.
const PARTITIONS_MAX: usize = 32;

/// How long brokers may take to list their topics.
const ASK: Duration = Duration::from_secs(10);

/// See the module's text.
pub struct History {
    streams: Vec<Peekable<Records>>,
    /// Offsets to read, where that is known before.
    pub total: Option<u64>,
}

/// Of captured files.
pub fn files(files: &[PathBuf]) -> Result<History, Failure> {
    let streams = files.iter().map(|file| Ok(open_file(Some(file))?.peekable())).collect::<Result<_, Failure>>()?;
    Ok(History { streams, total: None })
}

/// Of topics, from their start or so many offsets before their end to where they end now.
pub fn topics(
    settings: &KafkaSettings,
    named: &[String],
    last: Option<u64>,
    stop: &Arc<AtomicBool>,
) -> Result<History, Failure> {
    let topics = if named.is_empty() { subscribed(settings)? } else { named.to_vec() };
    let from = last.map_or(Beginning::Earliest, Beginning::Last);
    let mut history = History { streams: Vec::new(), total: Some(0) };
    for topic in topics {
        // One reader per partition: only so are they read in step, however many records one has.
        for partition in 0.. {
            let reading = Reading { topic: topic.clone(), partition: Some(partition), from, follow: false };
            let reader = match Reader::open(settings, &reading, Arc::clone(stop)) {
                Ok(reader) => reader,
                Err(ReaderError::UnknownPartition { .. }) => break,
                Err(error) => return Err(reader_failure(error)),
            };
            if history.streams.len() == PARTITIONS_MAX {
                return Err(Failure::Usage(format!(
                    "more than {PARTITIONS_MAX} partitions\nhint: name fewer topics with --topic"
                )));
            }
            history.total = history.total.map(|total| total + reader.total());
            let records: Records = Box::new(reader.map(|read| Ok(captured(read?))));
            history.streams.push(records.peekable());
        }
    }
    Ok(history)
}

/// The topics that a config subscribes to.
fn subscribed(settings: &KafkaSettings) -> Result<Vec<String>, Failure> {
    if settings.topics.iter().all(|topic| !topic.starts_with('^')) {
        return Ok(settings.topics.clone());
    }
    let failed = |error: rdkafka::error::KafkaError| {
        Failure::Failed(format!("the topics of {} cannot be listed: {error}", settings.brokers))
    };
    let consumer: BaseConsumer = settings.observer().create().map_err(failed)?;
    let known = connect(&consumer, ASK).map_err(failed)?;
    let mut topics: Vec<_> =
        known.iter().filter(|topic| settings.subscribes_to(topic)).map(|topic| topic.to_string()).collect();
    topics.sort();
    match topics.is_empty() {
        true => Err(Failure::Failed("no topic matches kafka.topics\nhint: rowbell check --online".to_owned())),
        false => Ok(topics),
    }
}

impl Iterator for History {
    type Item = Result<CapturedRecord, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        // What cannot be read is told at once; what has no time comes before all that has one.
        let time = |stream: &mut Peekable<Records>| match stream.peek()? {
            Ok(record) => Some(record.timestamp_ms.unwrap_or(i64::MIN)),
            Err(_) => Some(i64::MIN),
        };
        let times = self.streams.iter_mut().enumerate().filter_map(|(at, stream)| Some((time(stream)?, at)));
        let (_, at) = times.min()?;
        self.streams[at].next()
    }
}
