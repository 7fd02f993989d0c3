//! What kind of mistake a finding is: a word that stays the same however the message is put.

/// Defines the codes, their words and the list of all of them at once, so that none can be left out.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)*) => {
        /// The kind of a finding. The words are part of the interface: scripts compare them (docs/checking.md).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Code {
            /// Every code, as docs/checking.md lists them.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $word,)*
                }
            }
        }
    };
}

codes! {
    /// The file cannot be read.
    Unreadable = "unreadable",
    /// Not YAML.
    Yaml = "yaml",
    /// A key stands twice in one map.
    DuplicateKey = "duplicate-key",
    /// A key that nothing reads.
    UnknownKey = "unknown-key",
    /// A key without which there is no config.
    MissingKey = "missing-key",
    /// A value of another type than is read here.
    WrongType = "wrong-type",
    /// A value that cannot be used.
    InvalidValue = "invalid-value",
    /// `${...}` that leads to nothing.
    UnresolvedReference = "unresolved-reference",
    /// A condition that cannot be evaluated.
    InvalidCondition = "invalid-condition",
    /// A template that cannot be rendered.
    InvalidTemplate = "invalid-template",
    /// A destination that is not there.
    UnknownDestination = "unknown-destination",
    /// Two things of one name.
    DuplicateName = "duplicate-name",
    /// A rule without a destination.
    LeadsNowhere = "leads-nowhere",
    /// Nothing is posted, whatever happens.
    NothingPosted = "nothing-posted",
    /// A key that this version accepts and does not act on.
    NotAvailableYet = "not-available-yet",
    /// A setting that changes nothing where it stands.
    NoEffect = "no-effect",
    /// A rule that matches nothing.
    NeverMatches = "never-matches",
    /// A condition that is always true.
    AlwaysTrue = "always-true",
    /// A condition that fails each time for some of the operations.
    FailsFor = "fails-for",
    /// A table that no topic brings.
    NoTopicForTable = "no-topic-for-table",
    /// An entry that one before it hides.
    Shadowed = "shadowed",
    /// A rule whose words are never read.
    NeverInItsWords = "never-in-its-words",
    /// A destination that no rule names.
    UnusedDestination = "unused-destination",
    /// Two destinations that are one.
    SameDestination = "same-destination",
    /// A destination that nothing can be posted to as it is written.
    WrongDestination = "wrong-destination",
    /// A URL of a service that was switched off.
    RetiredUrl = "retired-url",
    /// A secret that stands in the file.
    PlainSecret = "plain-secret",
    /// A secret that travels unencrypted.
    UnencryptedUrl = "unencrypted-url",
    /// More posts than the service takes.
    RateBeyondService = "rate-beyond-service",
    /// Times that work against each other.
    Timing = "timing",
    /// A limit that is hardly meant.
    UnlikelyLimit = "unlikely-limit",
    /// A topic that cannot exist, or a regex that Kafka's client reads otherwise.
    TopicName = "topic-name",
    /// A property that librdkafka does not take, or does not act on as it stands.
    KafkaProperty = "kafka-property",
    /// A file that is named and not there.
    MissingFile = "missing-file",
    /// A link that leads nowhere.
    Link = "link",
    /// A filter or test that the language does not have.
    UnknownFilter = "unknown-filter",
    /// A template that shows a column that is hidden.
    RedactedInTemplate = "redacted-in-template",
    /// YAML reads something else than it looks like.
    YamlTrap = "yaml-trap",
    /// A name that is nearly another one.
    Misspelt = "misspelt",
    /// A column that no known schema has.
    UnknownColumn = "unknown-column",
    /// A table that is not known.
    UnknownTable = "unknown-table",
    /// A text compared with a number.
    TextWithNumber = "text-with-number",
    /// A column that looks like more than its type says.
    TypeToSet = "type-to-set",
    /// Old values that the source does not send.
    OldValues = "old-values",
    /// Records that cannot be decoded.
    Undecodable = "undecodable",
    /// Something that the config names does not answer.
    Unreachable = "unreachable",
    /// A right that is missing.
    AccessDenied = "access-denied",
    /// A topic that is not there.
    NoSuchTopic = "no-such-topic",
    /// Records that a topic keeps too short a time, or not all of.
    Retention = "retention",
    /// Records that the log no longer holds.
    RecordsLost = "records-lost",
    /// A connector that does not run, or is set so that messages suffer.
    Connector = "connector",
    /// A destination that accepts nothing.
    DestinationRefuses = "destination-refuses",
}
