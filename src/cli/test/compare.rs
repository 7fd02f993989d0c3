//! Which expected post is which post, and what is wrong with those that are none.

use super::file::Expected;
use crate::cli::posts::Post;
use crate::cli::text::{self, Service, Style};
use crate::config::Config;

/// Posts of one case that are compared; a case with more is no case.
pub const POSTS_MAX: usize = 1_000;

/// A post as a test looks at it.
pub struct Made {
    /// Name of the destination.
    pub destination: String,
    /// Names of the rules.
    pub rules: Vec<String>,
    /// The word of the priority.
    pub priority: &'static str,
    /// What readers see.
    pub text: String,
    /// What a notification says; for a webhook the text in its JSON.
    pub notification: String,
    /// `TOPIC:PARTITION:OFFSET`
    pub record: String,
}

impl Made {
    /// Looks at a post.
    pub fn new(config: &Config, post: &Post) -> Self {
        let destination = post.destination(config);
        let text = match destination.target.kind() {
            "slack" => text::render(Service::Slack, &post.payload, Style::Plain),
            "teams" => text::render(Service::Teams, &post.payload, Style::Plain),
            _ => format!("{:#}", post.payload),
        };
        Self {
            destination: destination.name.to_string(),
            rules: post.rules(config).into_iter().map(str::to_owned).collect(),
            priority: post.priority(config),
            text,
            notification: post.payload["text"].as_str().unwrap_or_default().to_owned(),
            record: post.record.to_string(),
        }
    }

    /// Is it a line of the post, where it may stand behind whom the post calls, or how a notification begins, before
    /// the punctuation of the rest?
    fn has_headline(&self, headline: &str) -> bool {
        let ends = |line: &str| {
            line.trim().strip_suffix(headline).is_some_and(|before| before.is_empty() || before.ends_with(": "))
        };
        let rest = self.notification.strip_prefix(headline);
        self.text.lines().any(ends)
            || rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == ' '))
    }
}

/// What keeps a post from being the expected one; nothing where it is.
pub fn differences(expected: &Expected, made: &Made) -> Vec<String> {
    let mut found = Vec::new();
    if expected.destination != made.destination {
        found.push(format!("destination: expected {}, got {}", expected.destination, made.destination));
    }
    if let Some(rules) = &expected.rules {
        let sorted = |rules: &[String]| {
            let mut rules = rules.to_vec();
            rules.sort();
            rules
        };
        if sorted(rules) != sorted(&made.rules) {
            found.push(format!("rules: expected {}, got {}", rules.join(", "), made.rules.join(", ")));
        }
    }
    if let Some(priority) = expected.priority.filter(|priority| priority.as_str() != made.priority) {
        found.push(format!("priority: expected {}, got {}", priority.as_str(), made.priority));
    }
    if let Some(headline) = expected.headline.as_ref().filter(|headline| !made.has_headline(headline)) {
        found.push(format!("headline: expected {headline:?}"));
    }
    found.extend(
        expected
            .contains
            .iter()
            .filter(|text| !made.text.contains(*text))
            .map(|text| format!("does not contain {text:?}")),
    );
    found.extend(
        expected.omits.iter().filter(|text| made.text.contains(*text)).map(|text| format!("contains {text:?}")),
    );
    found
}

/// What is left when as many expected posts as can be are paired with posts that fit: indices of expected posts
/// that nobody made, and of posts that nobody expected.
pub fn leftovers(expected: &[Expected], made: &[Made]) -> (Vec<usize>, Vec<usize>) {
    let fits: Vec<Vec<usize>> = expected
        .iter()
        .map(|expected| (0..made.len()).filter(|index| differences(expected, &made[*index]).is_empty()).collect())
        .collect();
    // A vague expectation must not take the only post that a precise one could have: paths of exchanges (Kuhn).
    let mut taken: Vec<Option<usize>> = vec![None; made.len()];
    let mut missing = Vec::new();
    for index in 0..expected.len() {
        if !pair(index, &fits, &mut taken, &mut vec![false; made.len()]) {
            missing.push(index);
        }
    }
    let unexpected = (0..made.len()).filter(|index| taken[*index].is_none()).collect();
    (missing, unexpected)
}

fn pair(expected: usize, fits: &[Vec<usize>], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for &post in &fits[expected] {
        if std::mem::replace(&mut tried[post], true) {
            continue;
        }
        let free = match taken[post] {
            None => true,
            Some(other) => pair(other, fits, taken, tried),
        };
        if free {
            taken[post] = Some(expected);
            return true;
        }
    }
    false
}
