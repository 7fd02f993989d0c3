//! May letters that were replayed before be posted once more? People are asked; nobody else decides for them.

use std::io::{BufRead, IsTerminal, Write};

/// What becomes of letters that were replayed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// They are posted once more.
    Yes,
    /// They are left out.
    No,
}

/// The letters that are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// Replayed before.
    pub before: u64,
    pub new: u64,
}

impl Found {
    pub fn count(&mut self, before: bool) {
        match before {
            true => self.before += 1,
            false => self.new += 1,
        }
    }

    /// How many are posted.
    pub fn of(&self, again: Again) -> u64 {
        match again {
            Again::Yes => self.before + self.new,
            Again::No => self.new,
        }
    }

    fn said(&self) -> String {
        let Found { before, new } = self;
        match (before, new) {
            (1, 0) => "the letter was replayed before".to_owned(),
            (_, 0) => format!("all {before} letters were replayed before"),
            (1, _) => format!("1 of {} letters was replayed before", before + new),
            _ => format!("{before} of {} letters were replayed before", before + new),
        }
    }
}

/// Asks where somebody can answer; an error is a refusal to go on.
pub fn may_they(found: &Found) -> Result<Again, String> {
    if found.before == 0 {
        return Ok(Again::No);
    }
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        return Err(format!(
            "{}, and nobody can be asked\nhint: --again posts {} once more, --only-new leaves {} out",
            found.said(),
            if found.before == 1 { "it" } else { "them" },
            if found.before == 1 { "it" } else { "them" },
        ));
    }
    ask(found, &mut stdin.lock(), &mut stderr)
}

fn ask(found: &Found, answers: &mut impl BufRead, screen: &mut impl Write) -> Result<Again, String> {
    let choice = match found.new {
        0 => "y/N".to_owned(),
        new => format!("y: all {}, n: only the {new} new, else nothing", found.before + new),
    };
    let asked = write!(screen, "{}. Post again? [{choice}] ", found.said()).and_then(|()| screen.flush());
    let mut answer = String::new();
    asked.and_then(|()| answers.read_line(&mut answer)).map_err(|error| format!("cannot ask: {error}"))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(Again::Yes),
        "n" | "no" => Ok(Again::No),
        _ if found.new == 0 => Ok(Again::No),
        _ => Err("nothing was sent\nhint: --again posts them once more, --only-new leaves them out".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(before: u64, new: u64, answer: &str) -> (Result<Again, String>, String) {
        let mut screen = Vec::new();
        let again = ask(&Found { before, new }, &mut answer.as_bytes(), &mut screen);
        (again, String::from_utf8(screen).expect("UTF-8"))
    }

    #[test]
    fn the_question_says_what_each_answer_does() {
        let (again, screen) = answered(2, 3, "y\n");
        assert_eq!(again, Ok(Again::Yes));
        assert_eq!(
            screen,
            "2 of 5 letters were replayed before. Post again? [y: all 5, n: only the 3 new, else nothing] "
        );
        assert_eq!(
            answered(1, 0, "yes\n"),
            (Ok(Again::Yes), "the letter was replayed before. Post again? [y/N] ".to_owned())
        );
    }

    #[test]
    fn without_a_clear_yes_nothing_is_posted_twice() {
        assert_eq!(answered(1, 2, " No \n").0, Ok(Again::No));
        assert_eq!(answered(3, 0, "\n").0, Ok(Again::No));
        for answer in ["", "\n", "maybe\n"] {
            assert!(
                answered(1, 2, answer).0.is_err_and(|why| why.starts_with("nothing was sent\nhint: ")),
                "{answer:?}"
            );
        }
    }
}
