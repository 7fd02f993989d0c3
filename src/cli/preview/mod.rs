//! `rowbell preview`: events in, posts out, nothing sent.

mod page;
mod row;

use super::input::{InputArguments, InputError, Progress, Records};
use super::posts::{Post, Posts};
use super::text::{self, Service, Style};
use super::{Failure, output, style};
use crate::config::Config;
use page::Page;
use row::Sequel;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Posts on a page; a browser shows more of them slowly.
const PAGE_POSTS_MAX: usize = 2_000;

/// Show what would be posted for change events, and send nothing
#[derive(Debug, clap::Args)]
pub struct PreviewArguments {
    /// Write one line of JSON per post, its payload exactly as it would be sent
    #[arg(long)]
    json: bool,

    /// Write a page for the browser, to stdout or to this file (*.html)
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "json")]
    html: Option<Option<PathBuf>>,

    /// Show what would be posted if everything came at once: one digest per destination, critical posts singly
    #[arg(long)]
    digest: bool,

    /// Stop after so many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    #[command(flatten)]
    input: InputArguments,
}

/// How posts are shown.
enum Form {
    Json,
    Text(Style),
    Page(Page),
}

impl Form {
    fn show(&mut self, config: &Config, number: u64, post: &Post, out: &mut impl Write) -> std::io::Result<()> {
        match self {
            Form::Json => writeln!(out, "{}", post.line(config))?,
            Form::Text(style) => writeln!(out, "{}\n", block(config, number, post, *style))?,
            Form::Page(page) if page.len() < PAGE_POSTS_MAX => page.add(post.line(config), Sequel::of(post, config)),
            Form::Page(page) => page.leave_out(),
        }
        Ok(())
    }
}

/// What is shown of the records.
#[derive(Clone, Copy, Default)]
struct Shown {
    /// So many records at most.
    limit: Option<u64>,
    /// As if everything came at once.
    digest: bool,
}

/// Why a preview ended early.
#[derive(Debug, thiserror::Error)]
enum PreviewError {
    #[error(transparent)]
    Read(#[from] InputError),
    #[error("{0}")]
    Registry(String),
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// Runs the command: posts to stdout, what else there is to say to stderr.
pub fn run(arguments: &PreviewArguments) -> ExitCode {
    match preview(arguments) {
        Ok(code) => code,
        Err(failure) => failure.exit(),
    }
}

fn preview(arguments: &PreviewArguments) -> Result<ExitCode, Failure> {
    let mut input = arguments.input.clone();
    let html = arguments.html.as_ref().map(|file| html_file(&mut input, file.as_deref())).transpose()?;
    let config = Arc::new(input.context.usual_config()?);
    let at_hand = input.context.schemas(Some(&config))?;
    let opened = input.open(Some(&config))?;
    let mut posts = Posts::new(Arc::clone(&config), &at_hand).map_err(Failure::Failed)?;
    let (form, out) = match html {
        Some(Some(file)) => {
            let made = std::fs::File::create(&file)
                .map_err(|error| Failure::Usage(format!("cannot write {}: {error}", file.display())))?;
            (Form::Page(Page::default()), Box::new(made) as Box<dyn Write>)
        }
        Some(None) => (Form::Page(Page::default()), output(false)),
        None if arguments.json => (Form::Json, output(opened.live)),
        None => (Form::Text(style()), output(opened.live)),
    };
    let progress = Progress::on_terminal(opened.total);
    let shown = Shown { limit: arguments.limit, digest: arguments.digest };
    match show(&config, &mut posts, opened.records, shown, form, out, progress) {
        Ok(()) => {}
        // Whoever read our output has seen enough.
        Err(PreviewError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(Failure::Failed(error.to_string())),
    }
    let counts = posts.counts;
    let repeats = match counts.repeats {
        0 => String::new(),
        repeats => format!(" ({repeats} sent again by the source)"),
    };
    let plural = |count| if count == 1 { "" } else { "s" };
    let (posts, records) = (counts.posts, counts.records);
    eprintln!(
        "{posts} post{} for {records} record{}; {} owe nothing{repeats}",
        plural(posts),
        plural(records),
        counts.nothing
    );
    match counts.undecodable {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(Failure::Failed(format!(
            "{count} of {} records cannot be decoded\nhint: `rowbell run` would write them to the dead letters; see `rowbell inspect`",
            counts.records
        ))),
    }
}

/// Where the page goes. `preview --html events.jsonl` means a page of these events, and must not write over them.
fn html_file(input: &mut InputArguments, file: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let Some(file) = file else {
        return Ok(None);
    };
    let is_page =
        file.extension().is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"));
    if is_page {
        return Ok(Some(file.to_owned()));
    }
    if input.takes_file() {
        input.set_file(file);
        return Ok(None);
    }
    Err(Failure::Usage(format!(
        "{} does not end in .html\nhint: --html page.html writes a page there, --html alone to stdout",
        file.display()
    )))
}

/// Shows the posts of all records. Those that cannot be decoded are said on stderr.
fn show(
    config: &Config,
    posts: &mut Posts<'_>,
    records: Records,
    shown: Shown,
    mut form: Form,
    mut out: impl Write,
    mut progress: Progress,
) -> Result<(), PreviewError> {
    let mut left = shown.limit.unwrap_or(u64::MAX);
    let mut waiting = Vec::new();
    let mut records = records;
    let mut number = 0;
    // Looked at before the next record: a topic that is followed may keep us waiting for it.
    while left > 0
        && let Some(record) = records.next()
    {
        left -= 1;
        let record = record?;
        progress.count();
        let owed = match posts.of(&record.record()).map_err(PreviewError::Registry)? {
            Ok(owed) => owed,
            Err(error) => {
                progress.hide();
                eprintln!("{}: cannot be decoded: {error}", record.record().id());
                continue;
            }
        };
        for post in owed {
            if shown.digest && posts.digests(&post) {
                waiting.push(post);
                continue;
            }
            number += 1;
            progress.hide();
            form.show(config, number, &post, &mut out)?;
        }
    }
    progress.hide();
    for post in posts.digested(&waiting) {
        number += 1;
        form.show(config, number, &post, &mut out)?;
    }
    if let Form::Page(page) = form {
        out.write_all(page.html().as_bytes())?;
    }
    Ok(out.flush()?)
}

/// A post as text: a head that says where, how urgent and why, and the message as its readers see it.
pub fn block(config: &Config, number: u64, post: &Post, style: Style) -> String {
    let destination = post.destination(config);
    let kind = destination.target.kind();
    let others = match post.records() {
        1 => String::new(),
        records => format!("and {} more ", records - 1),
    };
    let head = format!(
        "--- {number}. {} ({kind}), {}, rule{} {}, record {} {others}",
        destination.name,
        post.priority(config),
        if post.rules.len() == 1 { "" } else { "s" },
        post.rules(config).join(", "),
        post.record
    );
    let body = match kind {
        "slack" => text::render(Service::Slack, &post.payload, style),
        "teams" => text::render(Service::Teams, &post.payload, style),
        _ => {
            let mut clean = String::new();
            text::write_clean(&mut clean, &format!("{:#}", post.payload), 0);
            clean
        }
    };
    format!("{head}---\n{}", body.trim_end())
}

#[cfg(test)]
mod tests;
