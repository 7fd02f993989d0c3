//! From a row change to what a message says about it.

use super::headline::{self, Subject};
use super::limits::{BUTTON, BUTTONS, HEADLINE, IDENTITIES, IDENTITY, LABEL, NOTE, NOTES};
use super::line::{self, old_is_known};
use super::link;
use super::locale::Locale;
use super::model::{Identity, Line, Link, Message, Rows};
use super::moment::{self, Precision};
use super::names;
use super::phrases::fill;
use super::safe;
use super::select;
use super::value::{Side, Writer};
use super::view::{TableView, Words};
use crate::change::{Column, ColumnChange, Op, RowChange};
use std::sync::Arc;

/// Says what happened to a row, for every channel alike.
///
/// Total: whatever the row holds, the message is bounded by [`super::limits`] and shows no value of
/// a redacted column. Only what the caller rendered into `words` is beyond its sight.
pub fn compose(change: &RowChange, view: &TableView, words: &Words) -> Message {
    let writer = Writer::new(change, view, words);
    let noun = names::noun(&change.table, view.noun.as_deref());
    let subject = headline::subject(&writer, noun, words.title.as_deref());
    let visible = select::visible(&writer, view);
    let telling = select::telling(&visible, words);
    let lead = headline::lead(&telling, &words.watched);
    let given = given_headline(words);
    let headline = match &given {
        Some(headline) => headline.clone(),
        None => headline::in_words(&writer, &subject, lead, telling.len()),
    };
    let (lines, left_out) = select::lines(&writer, view, words, &visible, &subject);
    let (link, buttons, refused) = buttons(words, &subject.noun);
    let mut notes: Vec<String> =
        words.note.iter().map(|note| headline::from_template(note, NOTE, &words.locale)).collect();
    notes.extend(words.notes.iter().map(|note| safe::clean(note)));
    notes.extend(refused);
    notes.extend(note_on_unknown(&writer, view));
    if change.snapshot && change.op != Op::Read {
        notes.push(writer.phrases().from_a_snapshot.to_owned());
    }
    notes.retain(|note| !note.trim().is_empty());
    notes.truncate(NOTES);
    let mark = words.locale.phrases().shortened;

    Message {
        locale: Arc::clone(&words.locale),
        op: change.op,
        priority: words.priority,
        tone: words.tone,
        mention: words.mention.clone(),
        summary: summary(change, &lines, lead, &headline, given.is_some()),
        identity: identity(&writer, &subject, &visible, given.is_some()),
        title: subject.name(),
        noun: subject.noun,
        headline,
        lines,
        rows: Rows::default(),
        left_out,
        link,
        buttons,
        when: change.time_us.filter(|_| words.readers_zone).map(|time_us| time_us.div_euclid(1_000_000)),
        context: context(change, words),
        notes: notes.into_iter().map(|note| safe::shorten_as(mark, &note, NOTE)).collect(),
        tip: tip(change, words),
        folded: words.folded.filter(|(count, _)| *count > 1),
        rules: words.rules.clone(),
        redacted: view
            .columns
            .iter()
            .filter(|(_, column)| column.redact)
            .map(|(name, _)| Arc::from(name.as_str()))
            .collect(),
        ignored: view.ignore.iter().map(|name| Arc::from(name.as_str())).collect(),
    }
}

/// What the headline's template yielded. "Out of stock" need not hold for the net of several changes, 1 -> 42: then it says so.
fn given_headline(words: &Words) -> Option<String> {
    let text = words.headline.as_deref()?;
    let phrase = words.locale.phrases().in_one_of;
    let marked = words.folded.filter(|(count, _)| *count > 1 && words.headline_of_one).map(|(count, _)| count);
    let count = marked.map(|count| words.locale.count(count));
    let mark = count.as_ref().map_or(0, |count| safe::units(&fill(phrase, &[("headline", ""), ("count", count)])));
    let headline = headline::from_template(text, HEADLINE - mark, &words.locale);
    let headline = Some(headline).filter(|text| !text.is_empty())?;
    Some(match count {
        Some(count) => fill(phrase, &[("headline", &headline), ("count", &count)]),
        None => headline,
    })
}

fn identity(writer: &Writer<'_>, subject: &Subject, visible: &[&ColumnChange], given: bool) -> Vec<Identity> {
    let mut parts = Vec::new();
    let row = writer.change.row();
    for name in headline::IDENTITY_COLUMNS {
        let column = row.and_then(|row| row.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
        let Some(column) = column.filter(|column| !line::is_nothing(&column.value) && !writer.redacts(&column.name))
        else {
            continue;
        };
        let said = subject.title_column.as_deref() == Some(&*column.name)
            || (writer.change.op == Op::Update
                && !writer.change.before_unknown
                && visible.iter().any(|change| change.name == column.name))
            || matches!(writer.change.op, Op::Create | Op::Read | Op::Delete)
            || writer.is_key(&column.name);
        if !said {
            parts.push(identity_of(writer, column, writer.label(&column.name)));
        }
    }
    parts.truncate(2);
    let key = writer.change.key.iter().flat_map(|key| &key.columns).filter(|column| !writer.redacts(&column.name));
    let key: Vec<_> = key.collect();
    let single = key.len() == 1;
    // "Listing 3 removed" needs no "Listing 3" beneath.
    let said = single && !given && subject.title.is_none() && !writer.change.is_rekey();
    let key = if said { Vec::new() } else { key };
    parts.extend(key.into_iter().map(|column| {
        identity_of(writer, column, if single { subject.noun.clone() } else { writer.label(&column.name) })
    }));
    parts.truncate(IDENTITIES);
    parts
}

fn identity_of(writer: &Writer<'_>, column: &Column, label: String) -> Identity {
    let shown = writer.show(&column.name, column.ty, &column.value, Side::New, Precision::All);
    Identity {
        label: safe::shorten_as(writer.phrases().shortened, &label, LABEL),
        value: safe::isolated(&safe::shorten_middle_as(writer.phrases().shortened, &shown.text, IDENTITY)),
    }
}

/// The link and the further buttons, and what has to be said of those that lead nowhere.
fn buttons(words: &Words, noun: &str) -> (Option<Link>, Vec<Link>, Vec<String>) {
    let phrases = words.locale.phrases();
    let mut refused = Vec::new();
    let mut checked = |label: String, raw: &str, phrase: &str| match link::checked(raw) {
        Some(url) => Some(Link { label, url }),
        None => {
            if !refused.iter().any(|said| said == phrase) {
                refused.push(phrase.to_owned());
            }
            None
        }
    };
    let noun = if phrases.nouns_are_small { names::uncapitalise(noun) } else { noun.to_owned() };
    let view = fill(phrases.view, &[("noun", &noun)]);
    let link = words.link.as_deref().map(str::trim).filter(|raw| !raw.is_empty());
    let link = link.and_then(|raw| checked(view, raw, phrases.link_left_out));
    let given = words.buttons.iter().filter_map(|(label, raw)| {
        let label = headline::from_template(label, BUTTON, &words.locale);
        // A template may leave a button out.
        (!label.is_empty() && !raw.trim().is_empty()).then_some((label, raw.trim()))
    });
    let given = given.filter_map(|(label, raw)| checked(label, raw, phrases.button_left_out)).take(BUTTONS).collect();
    (link, given, refused)
}

fn note_on_unknown(writer: &Writer<'_>, view: &TableView) -> Option<String> {
    let change = writer.change;
    match change.op {
        Op::Delete if change.before_unknown => Some(writer.phrases().row_unknown.to_owned()),
        Op::Update if change.is_rekey() => {
            let others = change.changes.iter().any(|column| !old_is_known(column) && !view.ignores(&column.name));
            others.then(|| writer.phrases().others_unknown.to_owned())
        }
        _ => None,
    }
}

/// How the source can be told to send old values.
fn tip(change: &RowChange, words: &Words) -> Option<String> {
    let statement = change.remedy()?;
    let phrases = words.locale.phrases();
    let statement = safe::isolated(&safe::shorten_as(phrases.shortened, &safe::clean(&statement), 170));
    Some(fill(phrases.tip, &[("statement", &statement)]))
}

/// What the notification says after the headline.
fn summary(change: &RowChange, lines: &[Line], lead: Option<&ColumnChange>, headline: &str, given: bool) -> String {
    if change.is_rekey() || matches!(change.op, Op::Truncate | Op::Delete) {
        return String::new();
    }
    // The headline in words names its column already, or says what became of it.
    if let Some(line) = lead.filter(|_| !given).and_then(|lead| lines.iter().find(|line| line.column == lead.name)) {
        let label = if headline.contains(&line.label) { String::new() } else { format!("{} ", line.label) };
        return format!(", {label}{}", line.brief);
    }
    let told: Vec<_> = lines.iter().filter(|line| !line.is_context).collect();
    let parts: Vec<_> = told.iter().take(3).map(|line| format!("{} {}", line.label, line.brief)).collect();
    match (parts.is_empty(), told.len() > 3) {
        (true, _) => String::new(),
        (false, true) => format!(" · {} · …", parts.join(" · ")),
        (false, false) => format!(" · {}", parts.join(" · ")),
    }
}

/// `3 changes since 14:02:30`, for the net of several.
fn folded(change: &RowChange, count: u64, since_us: Option<i64>, words: &Words) -> Option<String> {
    if count < 2 {
        return None;
    }
    let phrases = words.locale.phrases();
    let changes = words.locale.counted(count, phrases.changes);
    let since = since_us.and_then(|since_us| moment::since(since_us, change.time_us, &words.time_zone, &words.locale));
    Some(match since {
        Some(since) => fill(phrases.changes_since, &[("changes", &changes), ("time", &since)]),
        None => changes,
    })
}

/// When, why and from where: `Mon 23 Nov, 14:02:37 UTC`, `rule "price"`, `shop, Postgres`.
fn context(change: &RowChange, words: &Words) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(change.time_us.and_then(|time_us| moment::stamp(time_us, &words.time_zone, &words.locale)));
    parts.extend(words.folded.and_then(|(count, since_us)| folded(change, count, since_us, words)));
    let names: Vec<_> = words.rules.iter().map(|rule| format!("\"{}\"", safe::label(rule))).collect();
    parts.extend(rules(&names, &words.locale));
    let product = match &*change.connector {
        "postgresql" => "Postgres",
        "mysql" => "MySQL",
        "mariadb" => "MariaDB",
        "sqlserver" => "SQL Server",
        "oracle" => "Oracle",
        "mongodb" => "MongoDB",
        "db2" => "Db2",
        other => other,
    };
    parts.push(
        [safe::label(&change.server), safe::label(product)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
    );
    parts.retain(|part| !part.is_empty());
    let mark = words.locale.phrases().shortened;
    parts.into_iter().map(|part| safe::shorten_as(mark, &part, NOTE)).collect()
}

/// `rule "price"`, `rules "price", "stock"`
pub(super) fn rules(names: &[String], locale: &Locale) -> Option<String> {
    let phrase = locale.plural(&(names.len() as u64).into(), locale.phrases().rule);
    (!names.is_empty()).then(|| fill(phrase, &[("names", &names.join(", "))]))
}
