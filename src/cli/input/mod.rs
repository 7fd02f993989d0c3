//! Where the records of a command come from: a file, stdin, or a topic.

mod progress;
pub(crate) mod records;
mod schemas;

pub use progress::Progress;
pub use schemas::{AtHand, Source};

use super::Failure;
use crate::config::{self, Config};
use crate::kafka::{Beginning, KafkaSettings, Reader, ReaderError, Reading, StoredRecord};
use records::{CapturedRecord, ReadError, read_records};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a command that reads records may be told.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct InputArguments {
    /// Captured events, one JSON object a line; - or nothing is stdin
    #[arg(value_name = "FILE", conflicts_with = "topic")]
    file: Option<PathBuf>,

    #[command(flatten)]
    pub(super) context: ContextArguments,

    #[command(flatten)]
    kafka: TopicArguments,
}

/// What records are read with.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ContextArguments {
    /// Config: tables, types, rules, Kafka, schema registry; secrets of destinations need not be set
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Schemas of framed events: {id: {"schema": "..."}}
    #[arg(long, value_name = "FILE", conflicts_with = "registry")]
    schemas: Option<PathBuf>,

    /// Schema registry to ask for the schemas of framed events; several are tried in order
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    registry: Vec<String>,

    /// Kafka to read from, host:port; without, what the config says
    #[arg(long, value_name = "BROKERS")]
    brokers: Option<String>,
}

/// Which part of which topic.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Reading from Kafka (no consumer group, nothing is committed)")]
pub struct TopicArguments {
    /// Topic to read, from its start to where it ends now
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,

    /// Only this partition
    #[arg(long, value_name = "N", requires = "topic")]
    partition: Option<i32>,

    /// Begin at this offset; -10 is ten before the end
    #[arg(long, value_name = "OFFSET", requires = "topic", conflicts_with = "from", allow_negative_numbers = true)]
    offset: Option<i64>,

    /// Begin at the log's start or end [default: earliest]
    #[arg(long, value_name = "WHERE", requires = "topic")]
    from: Option<From>,

    /// Go on with what comes after the end, until Ctrl-C
    #[arg(long, requires = "topic")]
    follow: bool,
}

/// `--from`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum From {
    /// The log's start.
    Earliest,
    /// The log's end.
    Latest,
}

/// Why there is no next record.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file.
    #[error(transparent)]
    File(#[from] ReadError),
    /// The topic.
    #[error(transparent)]
    Kafka(#[from] ReaderError),
}

/// Records one by one.
pub type Records = Box<dyn Iterator<Item = Result<CapturedRecord, InputError>>>;

/// The opened input.
pub struct Input {
    /// The records.
    pub records: Records,
    /// Offsets to read, where that is known before.
    pub total: Option<u64>,
    /// Records come as they are written: whoever waits for a line must not wait for a full buffer.
    pub live: bool,
}

impl ContextArguments {
    /// The config, where one is named.
    pub fn config(&self) -> Result<Option<Config>, Failure> {
        self.config.as_deref().map(load).transpose()
    }

    /// The file that is named.
    pub fn config_path(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The config that is named, else the usual one.
    pub fn usual_config(&self) -> Result<Config, Failure> {
        load(&config::find(self.config.as_deref()))
    }

    /// The same with every secret, for a command that posts.
    pub fn whole_config(&self) -> Result<Config, Failure> {
        config::load(&config::find(self.config.as_deref())).map(|(config, _)| config).map_err(Failure::Config)
    }

    /// The schemas that are named, else those of the config.
    pub fn schemas(&self, config: Option<&Config>) -> Result<AtHand, Failure> {
        let configured = config.and_then(|config| config.schema_registry.as_ref());
        AtHand::new(self.schemas.as_deref(), &self.registry, configured).map_err(Failure::Usage)
    }

    /// How to reach Kafka.
    pub fn kafka(&self, config: Option<&Config>) -> Result<KafkaSettings, Failure> {
        let settings = match (config, &self.brokers) {
            (Some(config), _) => config.kafka.clone(),
            (None, Some(brokers)) => KafkaSettings::observing(brokers),
            (None, None) => self.usual_config()?.kafka,
        };
        Ok(match &self.brokers {
            Some(brokers) => KafkaSettings { brokers: brokers.clone(), ..settings },
            None => settings,
        })
    }
}

fn load(path: &Path) -> Result<Config, Failure> {
    config::load_without_secrets(path).map(|(config, _)| config).map_err(Failure::Config)
}

impl InputArguments {
    /// The config, where one is named or needed to find Kafka.
    pub fn config(&self) -> Result<Option<Config>, Failure> {
        match self.kafka.topic.is_some() && self.context.brokers.is_none() {
            true => self.context.usual_config().map(Some),
            false => self.context.config(),
        }
    }

    /// Is there neither a file nor a topic yet?
    pub fn takes_file(&self) -> bool {
        self.file.is_none() && self.kafka.topic.is_none()
    }

    /// Names the file.
    pub fn set_file(&mut self, file: &Path) {
        self.file = Some(file.to_owned());
    }

    /// Opens the file, or finds the topic.
    pub fn open(&self, config: Option<&Config>) -> Result<Input, Failure> {
        match self.kafka.reading() {
            Some(reading) => {
                let settings = self.context.kafka(config)?;
                let reader = Reader::open(&settings, &reading, stop_flag()).map_err(reader_failure)?;
                let total = reader.total();
                if total == 0 && !reading.follow {
                    eprintln!("nothing to read: no record from there to the end of {}", reading.topic);
                }
                let records = reader.map(|read| Ok(captured(read?)));
                Ok(Input { records: Box::new(records), total: Some(total), live: reading.follow })
            }
            None => Ok(Input { records: open_file(self.file.as_deref())?, total: None, live: false }),
        }
    }
}

impl TopicArguments {
    fn reading(&self) -> Option<Reading> {
        let from = match (self.offset, self.from) {
            (Some(offset), _) if offset < 0 => Beginning::Last(offset.unsigned_abs()),
            (Some(offset), _) => Beginning::Offset(offset),
            (None, Some(From::Latest)) => Beginning::Latest,
            (None, Some(From::Earliest) | None) => Beginning::Earliest,
        };
        let topic = self.topic.clone()?;
        Some(Reading { topic, partition: self.partition, from, follow: self.follow })
    }
}

/// The records of a file; without one, or with -, of stdin.
pub fn open_file(file: Option<&Path>) -> Result<Records, Failure> {
    let name = file.map_or_else(|| "-".to_owned(), |file| file.display().to_string());
    let input: Box<dyn BufRead> = match file {
        Some(path) if name != "-" => Box::new(BufReader::new(std::fs::File::open(path).map_err(|error| {
            Failure::Usage(format!(
                "cannot read {name}: {error}\nhint: a file of captured events, or - for stdin, or --topic for Kafka"
            ))
        })?)),
        _ => Box::new(BufReader::new(std::io::stdin())),
    };
    Ok(Box::new(read_records(name, input).map(|read| Ok(read?))))
}

/// What cannot be read because it was asked for wrongly is wrong usage.
pub fn reader_failure(error: ReaderError) -> Failure {
    match &error {
        ReaderError::WhichPartition { .. } | ReaderError::Properties(_) => Failure::Usage(error.to_string()),
        _ => Failure::Failed(error.to_string()),
    }
}

/// A record of a topic, as those of files are.
pub fn captured(stored: StoredRecord) -> CapturedRecord {
    let StoredRecord { topic, partition, offset, timestamp_ms, raw } = stored;
    CapturedRecord {
        topic,
        partition,
        offset,
        timestamp_ms,
        headers: raw.headers,
        key: raw.key,
        value: raw.value,
        line: 0,
    }
}

/// Becomes true at SIGINT or SIGTERM; a second one ends the process at once.
pub fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
            return;
        };
        runtime.block_on(super::stop_signal());
        flag.store(true, Ordering::Relaxed);
        runtime.block_on(super::stop_signal());
        std::process::exit(i32::from(super::FAILED));
    });
    stop
}
