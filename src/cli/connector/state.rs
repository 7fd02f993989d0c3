//! What Kafka Connect says of a connector and its tasks.

use serde::Deserialize;
use std::fmt;

/// See the module's text.
#[derive(Debug, Clone, Deserialize)]
pub struct State {
    connector: Part,
    #[serde(default)]
    tasks: Vec<Part>,
}

/// The connector, or one task of it.
#[derive(Debug, Clone, Deserialize)]
struct Part {
    /// Of a task.
    id: Option<i64>,
    /// RUNNING, FAILED, UNASSIGNED, RESTARTING, PAUSED, STOPPED
    state: String,
    /// Java's, where it failed, or did before it was restarted.
    trace: Option<String>,
}

/// Of one part: which, and its trace.
pub type Broken = (Option<i64>, Option<String>);

impl State {
    fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.connector).chain(&self.tasks)
    }

    /// The connector and at least one task.
    pub fn runs(&self) -> bool {
        !self.tasks.is_empty() && self.parts().all(|part| part.state == "RUNNING")
    }

    /// Somebody holds it, and it stays so whatever its settings.
    pub fn is_held(&self) -> bool {
        matches!(self.connector.state.as_str(), "PAUSED" | "STOPPED")
    }

    /// What failed.
    pub fn broken(&self) -> Vec<Broken> {
        let failed = self.parts().filter(|part| part.state == "FAILED");
        failed.map(|part| (part.id, part.trace.clone())).collect()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs() {
            let tasks = self.tasks.len();
            return write!(f, "running, {tasks} task{}", if tasks == 1 { "" } else { "s" });
        }
        // Those of what is held say so, too.
        if self.is_held() {
            return f.write_str(&self.connector.state.to_lowercase());
        }
        let mut words: Vec<String> = self.parts().filter(|part| part.state != "RUNNING").map(Part::to_string).collect();
        if self.tasks.is_empty() {
            words.push("no task yet".to_owned());
        }
        f.write_str(&words.join("; "))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "task {id} {}", self.state.to_lowercase())?,
            None => write!(f, "connector {}", self.state.to_lowercase())?,
        }
        match &self.trace {
            Some(trace) if self.state == "FAILED" => write!(f, ": {}", root_cause(trace)),
            _ => Ok(()),
        }
    }
}

/// The last "Caused by" of a Java stack trace, which is what went wrong first.
fn root_cause(trace: &str) -> &str {
    let mut causes = trace.lines().filter_map(|line| line.trim_start().strip_prefix("Caused by: "));
    causes.next_back().or_else(|| trace.lines().next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(connector: &str, tasks: &[(&str, Option<&str>)]) -> State {
        let task = |(id, (state, trace)): (usize, &(&str, Option<&str>))| json!({"id": id, "state": state, "worker_id": "127.0.0.1:8083", "version": "3.6.3.Final", "trace": trace});
        let tasks: Vec<_> = tasks.iter().enumerate().map(task).collect();
        let connector = json!({"state": connector, "worker_id": "127.0.0.1:8083", "version": "3.6.3.Final"});
        let answer = json!({"name": "x", "connector": connector, "tasks": tasks, "type": "source"});
        serde_json::from_value(answer).expect("a state")
    }

    #[test]
    fn a_state_is_told_in_words() {
        const TRACE: &str = "org.x.ConnectException: no publication\n\tat org.x.Y.z(Y.java:1)\nCaused by: a.B: first\n\t... 3 more\nCaused by: org.postgresql.util.PSQLException: ERROR: permission denied for database shop\n\tat c.D.e(D.java:7)\n";
        for (state, words, runs) in [
            (state("RUNNING", &[("RUNNING", None)]), "running, 1 task", true),
            (state("RUNNING", &[("RUNNING", None), ("RUNNING", None)]), "running, 2 tasks", true),
            (state("RUNNING", &[]), "no task yet", false),
            (state("UNASSIGNED", &[("UNASSIGNED", None)]), "connector unassigned; task 0 unassigned", false),
            (
                state("RUNNING", &[("FAILED", Some(TRACE))]),
                "task 0 failed: org.postgresql.util.PSQLException: ERROR: permission denied for database shop",
                false,
            ),
            // While it restarts, what it failed of is history.
            (state("RUNNING", &[("RESTARTING", Some(TRACE))]), "task 0 restarting", false),
            (state("FAILED", &[]), "connector failed; no task yet", false),
            (state("PAUSED", &[("PAUSED", None)]), "paused", false),
            (state("STOPPED", &[]), "stopped", false),
        ] {
            assert_eq!((state.to_string().as_str(), state.runs()), (words, runs));
        }
        assert_eq!(root_cause("java.lang.NullPointerException\n\tat x"), "java.lang.NullPointerException");
    }
}
