//! The channel-neutral content of a post, and its rendering for Slack and Teams.
//!
//! Pure: a row change and what the config says about it come in, a [`Message`] or a payload goes out.

/// How urgent a notice is; orders lanes and colours messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// First in line.
    Critical,
    /// The default.
    Normal,
    /// Last in line.
    Low,
}

impl Priority {
    /// All, most urgent first.
    pub const ALL: [Priority; 3] = [Priority::Critical, Priority::Normal, Priority::Low];

    /// The word used in config, metrics and payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Critical => "critical",
            Priority::Normal => "normal",
            Priority::Low => "low",
        }
    }
}

/// Whether a change is good news; the rule says so, it is never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tone {
    /// Green, and words that praise.
    Good,
    /// Red, and words that warn.
    Bad,
    /// Neither.
    #[default]
    Neutral,
}

/// Placeholder until composed messages land.
#[derive(Debug, Clone, PartialEq)]
pub struct Message;
