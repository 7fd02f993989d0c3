//! Looking at the group's commits, and moving them, without joining it.

use super::client::{KafkaSettings, without_value};
use super::offsets::{Found, committed};
use crate::ledger::Partition;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use std::time::Duration;

/// How long one question to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// Why the group cannot be looked at, or moved.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// `kafka.properties`
    #[error(
        "the Kafka consumer cannot be made: {0}\nhint: look at kafka.properties; TLS and SASL need a build with the feature tls"
    )]
    Properties(KafkaError),
    /// The brokers do not answer what they are asked.
    #[error(
        "Kafka does not say where the group {group:?} is, at {brokers}: {error}\nhint: are kafka.brokers right, and may this user describe the group and its topics?"
    )]
    Asking {
        /// `host:port,...`
        brokers: String,
        /// The group.
        group: String,
        /// What was answered.
        error: String,
    },
    /// Replicas run: what is committed beside them, they would overwrite.
    #[error(
        "the group {group:?} is active: {members}\nhint: stop every replica first (scale it to 0), for they would overwrite this; one with an instance_id stays a member until its session is over, some seconds"
    )]
    Active {
        /// The group.
        group: String,
        /// Who is in it.
        members: String,
    },
    /// The brokers refuse the commit.
    #[error("the commit of the group {group:?} was refused: {error}\nhint: may this user read the group's topics?")]
    Refused {
        /// The group.
        group: String,
        /// What was answered.
        error: String,
    },
}

/// A partition that the group reads, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The partition.
    pub partition: Partition,
    /// The first offset that its log holds.
    pub start: i64,
    /// The next offset that its log gets.
    pub end: i64,
    /// The commit and its metadata, where the group left one.
    pub commit: Option<(i64, String)>,
}

/// The group of the config, from outside.
pub struct Group {
    settings: KafkaSettings,
    consumer: BaseConsumer,
}

impl Group {
    /// Asks nothing yet.
    pub fn new(settings: &KafkaSettings) -> Result<Self, GroupError> {
        let mut config = settings.observer();
        // Who never subscribes never joins.
        config.set("group.id", &settings.group).set("enable.auto.offset.store", "false");
        let consumer = config.create().map_err(|error| GroupError::Properties(without_value(error)))?;
        Ok(Self { settings: settings.clone(), consumer })
    }

    fn asking(&self, error: KafkaError) -> GroupError {
        GroupError::Asking {
            brokers: self.settings.brokers.clone(),
            group: self.settings.group.clone(),
            error: error.to_string(),
        }
    }

    /// Where the group is in each partition of the topics that it subscribes to, in order.
    pub fn committed(&self) -> Result<Vec<Committed>, GroupError> {
        let metadata = self.consumer.fetch_metadata(None, ASK).map_err(|error| self.asking(error))?;
        let topics = metadata.topics().iter().filter(|topic| self.settings.subscribes_to(topic.name()));
        let mut partitions: Vec<_> = topics
            .flat_map(|topic| {
                topic.partitions().iter().map(|it| Partition { topic: topic.name().into(), number: it.id() })
            })
            .collect();
        partitions.sort();
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let mut commits = committed(&self.consumer, &partitions).map_err(|error| self.asking(error))?;
        let whole = partitions.into_iter().map(|partition| {
            let (start, end) = self.consumer.fetch_watermarks(&partition.topic, partition.number, ASK)?;
            let commit = commits.remove(&partition).map(|Found { offset, metadata }| (offset, metadata));
            Ok(Committed { partition, start, end, commit })
        });
        whole.collect::<Result<_, KafkaError>>().map_err(|error| self.asking(error))
    }

    /// What the group committed of one partition.
    pub fn commit_of(&self, partition: &Partition) -> Result<Option<(i64, String)>, GroupError> {
        let mut found =
            committed(&self.consumer, std::slice::from_ref(partition)).map_err(|error| self.asking(error))?;
        Ok(found.remove(partition).map(|Found { offset, metadata }| (offset, metadata)))
    }

    /// Who is in the group; nobody where it is idle, and `None` where the brokers cannot say.
    pub fn members(&self) -> Result<Option<Vec<String>>, GroupError> {
        let groups = match self.consumer.fetch_group_list(Some(&self.settings.group), ASK) {
            Ok(groups) => groups,
            Err(KafkaError::GroupListFetch(RDKafkaErrorCode::UnsupportedFeature)) => return Ok(None),
            Err(error) => return Err(self.asking(error)),
        };
        let members = groups.groups().iter().filter(|group| group.name() == self.settings.group);
        let members = members.flat_map(|group| group.members());
        Ok(Some(members.map(|member| format!("{} at {}", member.client_id(), member.client_host())).collect()))
    }

    /// Commits this offset and metadata, where no replica runs.
    pub fn commit(&self, commits: &[(Partition, i64, String)]) -> Result<(), GroupError> {
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for (partition, offset, metadata) in commits {
            let mut element = list.add_partition(&partition.topic, partition.number);
            element.set_offset(Offset::Offset(*offset)).map_err(|error| self.asking(error))?;
            element.set_metadata(metadata);
        }
        let group = self.settings.group.clone();
        match self.consumer.commit(&list, CommitMode::Sync) {
            Ok(()) => Ok(()),
            // Somebody joined since it was asked, or the brokers could not say who is there.
            Err(error) if is_active(&error) => {
                Err(GroupError::Active { group, members: "the brokers take commits of its members only".to_owned() })
            }
            Err(error) => Err(GroupError::Refused { group, error: error.to_string() }),
        }
    }

    /// An error where anybody is in the group.
    pub fn must_be_idle(&self) -> Result<(), GroupError> {
        match self.members()? {
            Some(members) if !members.is_empty() => {
                Err(GroupError::Active { group: self.settings.group.clone(), members: members.join(", ") })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_active(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::StaleMemberEpoch
        )
    )
}
