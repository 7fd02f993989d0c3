//! `rowbell test FILE...`: unit tests of a config. Given these events, expect these posts.

mod compare;
mod file;
mod junit;

use super::input::AtHand;
use super::posts::Posts;
use super::{FAILED, Failure, USAGE, fail, output};
use crate::config::{self, Config, Place, Report};
use compare::{Made, POSTS_MAX, differences, leftovers};
use file::{Case, CaseFile, Expected};
use junit::Ended;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Lines shown of a post that nobody expected.
const LINES_SHOWN: usize = 8;

/// Posts that nobody expected, shown of one case: the first ones say what went wrong.
const UNEXPECTED_SHOWN: usize = 5;

/// Test a config: given these events, expect these posts
#[derive(Debug, clap::Args)]
pub struct TestArguments {
    /// Files of cases (docs/testing.md)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Config to test [default: what the file of cases names, else $ROWBELL_CONFIG, else ./rowbell.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Schemas of framed events: {id: {"schema": "..."}}
    #[arg(long, value_name = "FILE")]
    schemas: Option<PathBuf>,

    /// Write the results to this file as JUnit's XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs the command: how the cases ended to stdout.
pub fn run(arguments: &TestArguments) -> ExitCode {
    // Everything is read before anything is run: a mistake in the last file is no reason to run the first ones twice.
    let mut files = Vec::new();
    let mut wrong = false;
    for path in &arguments.files {
        match read(path, arguments.config.as_deref()) {
            Ok(read) => files.push(read),
            Err(reports) => {
                wrong = true;
                reports.iter().for_each(|report| eprintln!("{report}"));
            }
        }
    }
    if wrong {
        return ExitCode::from(USAGE);
    }
    let schemas = match AtHand::new(arguments.schemas.as_deref(), &[], None) {
        Ok(schemas) => schemas,
        Err(error) => return fail(&error, USAGE),
    };
    let mut out = output(false);
    let mut ended = Vec::new();
    for (path, file, config) in &files {
        if let Err(error) = cases(&path.display().to_string(), file, config, &schemas, &mut out, &mut ended) {
            return Failure::Failed(error).exit();
        }
    }
    let failed = ended.iter().filter(|case| !case.problems.is_empty()).count();
    let said = writeln!(out, "{} cases, {failed} failed", ended.len()).and_then(|()| out.flush());
    if let Err(error) = said {
        return fail(&format!("cannot write: {error}"), FAILED);
    }
    if let Some(path) = &arguments.junit
        && let Err(error) = std::fs::write(path, junit::xml(&ended))
    {
        return fail(&format!("cannot write {}: {error}", path.display()), FAILED);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

type Read<'p> = (&'p Path, CaseFile, Arc<Config>);

/// A file of cases and its config, and that the cases speak of things that are in it.
fn read<'p>(path: &'p Path, config: Option<&Path>) -> Result<Read<'p>, Vec<Report>> {
    let file = file::load(path).map_err(|report| vec![report])?;
    let named = config.or(file.config.as_deref());
    let (config, _) = config::load_without_secrets(&config::find(named)).map_err(|report| vec![report])?;
    let mut report = Report::new(path.display().to_string());
    names(&file, &config, &mut report);
    match report.has_errors() {
        true => Err(vec![report]),
        false => Ok((path, file, Arc::new(config))),
    }
}

/// A misspelt destination would make `expect` fail for a reason that nobody sees.
fn names(file: &CaseFile, config: &Config, report: &mut Report) {
    let destinations = || config.destinations.iter().map(|destination| &*destination.name);
    let rules = || config.rules.iter().map(|rule| &*rule.name);
    for expected in file.cases.iter().flat_map(|case| &case.expected) {
        let mut unknown = |what: &str, name: &str, near: Vec<&str>| {
            let found = config::Diagnostic::error(expected.place, format!("the config has no {what} {name:?}"));
            report.push(found.nearest(name, near));
        };
        if !destinations().any(|name| name == expected.destination) {
            unknown("destination", &expected.destination, destinations().collect());
        }
        for name in expected.rules.iter().flatten().filter(|name| !rules().any(|rule| rule == *name)) {
            unknown("rule", name, rules().collect());
        }
    }
}

fn cases(
    path: &str,
    file: &CaseFile,
    config: &Arc<Config>,
    schemas: &AtHand,
    mut out: impl Write,
    ended: &mut Vec<Ended>,
) -> Result<(), String> {
    for case in &file.cases {
        let problems = try_case(case, config, schemas)?.concat();
        let line = match problems.is_empty() {
            true => format!("ok    {}\n", case.name),
            false => {
                let Place { line, column } = case.place;
                format!("FAIL  {}  ({path}:{line}:{column})\n{problems}", case.name)
            }
        };
        out.write_all(line.as_bytes()).map_err(|error| format!("cannot write: {error}"))?;
        ended.push(Ended { file: path.to_owned(), name: case.name.clone(), problems });
    }
    Ok(())
}

/// Runs a case with nothing learnt; the answer is what is wrong, each as whole lines.
fn try_case(case: &Case, config: &Arc<Config>, schemas: &AtHand) -> Result<Vec<String>, String> {
    let mut posts = Posts::new(Arc::clone(config), schemas)?;
    let mut problems = Vec::new();
    let mut made = Vec::new();
    for record in &case.records {
        match posts.of(&record.record())? {
            Ok(owed) => made.extend(owed.iter().map(|post| Made::new(config, post))),
            Err(error) => problems.push(format!("  {}: cannot be decoded: {error}\n", record.record().id())),
        }
        if made.len() > POSTS_MAX {
            problems.push(format!("  more than {POSTS_MAX} posts\n"));
            return Ok(problems);
        }
    }
    let (missing, mut unexpected) = leftovers(&case.expected, &made);
    for index in missing {
        let expected = &case.expected[index];
        // What comes nearest is most likely what was meant, and is then not told twice.
        let nearest = unexpected
            .iter()
            .map(|index| (differences(expected, &made[*index]), *index))
            .min_by_key(|(differences, index)| (made[*index].destination != expected.destination, differences.len()));
        problems.push(format!("  expected, not posted: {}\n", words(expected)));
        if let Some((differences, index)) =
            nearest.filter(|(_, index)| made[*index].destination == expected.destination)
        {
            unexpected.retain(|other| *other != index);
            let list: String = differences.iter().map(|difference| format!("      {difference}\n")).collect();
            problems.push(format!("    the nearest, of {}:\n{list}{}", made[index].record, shown(&made[index])));
        }
    }
    let more = unexpected.len().saturating_sub(UNEXPECTED_SHOWN);
    for index in unexpected.into_iter().take(UNEXPECTED_SHOWN) {
        let post = &made[index];
        problems.push(format!(
            "  posted, not expected: destination {}, rules {}, priority {}, of {}\n{}",
            post.destination,
            post.rules.join(", "),
            post.priority,
            post.record,
            shown(post)
        ));
    }
    if more > 0 {
        problems.push(format!("  posted, not expected: {more} more\n"));
    }
    Ok(problems)
}

fn words(expected: &Expected) -> String {
    let mut words = format!("destination {}", expected.destination);
    if let Some(rules) = &expected.rules {
        words.push_str(&format!(", rules {}", rules.join(", ")));
    }
    if let Some(priority) = expected.priority {
        words.push_str(&format!(", priority {}", priority.as_str()));
    }
    if let Some(headline) = &expected.headline {
        words.push_str(&format!(", headline {headline:?}"));
    }
    words
}

fn shown(post: &Made) -> String {
    let mut text: String = post.text.lines().take(LINES_SHOWN).map(|line| format!("      | {line}\n")).collect();
    if post.text.lines().nth(LINES_SHOWN).is_some() {
        text.push_str("      | ...\n");
    }
    text
}

#[cfg(test)]
mod tests;
