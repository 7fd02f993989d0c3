//! Templates: a line of text, an address, a whole payload.
//!
//! What a template says itself is the config's; what it writes between `{{` and `}}` may be row data, whatever was done to it
//! before. The three kinds differ in what becomes of that. In a text it stays as it is: the message cleans and escapes it. In
//! an address it is percent-encoded, but for an expression at the very beginning, which may be a whole address. In a payload
//! it goes beside the text ([`Draft`]), so that no value can end a string, open a block or call anybody.

use super::expr::{ExprError, NAMES, environment, known_names};
use super::filters;
use super::scope::{Sample, Scope, WRITTEN};
use crate::change::RowChange;
use crate::message::{Draft, Formats, Inserted};
use minijinja::machinery::{ast, parse};
use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Longest text a template may yield, in bytes; every limit of Slack and Teams lies far below.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// What one template may write between braces, in bytes and in pieces.
const WRITTEN_BYTES_MAX: usize = 256 * 1024;

pub(super) static TEXT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = environment();
    filters::add(&mut environment);
    environment.set_formatter(write_value);
    environment
});

/// The engine that writes a place where a value is to stand, and keeps the value.
static PLACES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = environment();
    filters::add(&mut environment);
    environment.set_formatter(write_place);
    environment
});

/// A change and what is known about it, for a template to be rendered with.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The change.
    pub change: &'a Arc<RowChange>,
    /// Columns that show a word instead of their values.
    pub redacted: &'a Arc<[String]>,
    /// Language and zone of the filters.
    pub formats: &'a Formats,
    /// The change is made up: what stands for columns that it does not have.
    pub sample: Option<Sample>,
}

impl Seen<'_> {
    fn scope(&self) -> Scope {
        let formats = Value::from_object(filters::Held(self.formats.clone()));
        Scope::of_template(Arc::clone(self.change), Arc::clone(self.redacted), formats).with_sample(self.sample)
    }
}

/// A template of a line of text.
#[derive(Debug)]
pub struct Template {
    source: String,
}

impl Template {
    /// Compiles a template.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        compile(&TEXT, source, NAMES)?;
        Ok(Self { source: source.to_owned() })
    }

    /// The text for this change. It may hold row data: it is for [`crate::message`] to clean.
    pub fn render(&self, seen: &Seen<'_>) -> Result<String, ExprError> {
        let text = TEXT.render_str(&self.source, Value::from_object(seen.scope()));
        bounded(text.map_err(|error| ExprError::from_engine(&error))?)
    }
}

/// A template of a web address.
#[derive(Debug)]
pub struct UrlTemplate {
    source: String,
}

impl UrlTemplate {
    /// Compiles a template.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        compile(&PLACES, source.trim(), NAMES)?;
        only_plain_statements(source)?;
        Ok(Self { source: source.trim().to_owned() })
    }

    /// The address for this change, in which values are percent-encoded; not yet checked to be one.
    pub fn render(&self, seen: &Seen<'_>) -> Result<String, ExprError> {
        let draft = draft(&self.source, seen.scope())?;
        draft.url().ok_or_else(|| ExprError::new("a value of the row would lead to another place of the site"))
    }
}

/// A template of a whole payload: Block Kit or a card.
#[derive(Debug)]
pub struct PayloadTemplate {
    source: String,
}

/// Names that payload templates may use besides.
const MESSAGE: &str = "message";

impl PayloadTemplate {
    /// Compiles a template.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        let names: Vec<&str> = NAMES.iter().copied().chain([MESSAGE]).collect();
        compile(&PLACES, source, &names)?;
        only_plain_statements(source)?;
        Ok(Self { source: source.to_owned() })
    }

    /// The payload's text for this change, and the values that belong into it. `message` is what the default would say.
    pub fn render(&self, seen: &Seen<'_>, message: &serde_json::Value) -> Result<Draft, ExprError> {
        let message = Value::from(minijinja::value::Serde(message));
        draft(&self.source, seen.scope().with_message(Some(message)))
    }
}

fn compile(environment: &Environment<'_>, source: &str, names: &[&str]) -> Result<(), ExprError> {
    if source.contains(Draft::MARKS) {
        return Err(ExprError::new("holds characters that Unicode reserves for a program's own use"));
    }
    // `template_from_named_str` borrows; parse once to check, and again when rendered: posts are rare, reloads many.
    let template =
        environment.template_from_named_str("template", source).map_err(|error| ExprError::from_engine(&error))?;
    known_names(template.undeclared_variables(false), names)
}

fn parsed(source: &str) -> Result<ast::Stmt<'_>, ExprError> {
    parse(source, "template", Default::default()).map_err(|error| ExprError::from_engine(&error))
}

/// A block that captures what it writes would hand it on as a text without its places.
fn only_plain_statements(source: &str) -> Result<(), ExprError> {
    let parsed = parsed(source)?;
    let mut pending = vec![&parsed];
    while let Some(statement) = pending.pop() {
        match statement {
            ast::Stmt::Template(template) => pending.extend(&template.children),
            ast::Stmt::ForLoop(each) => pending.extend(each.body.iter().chain(&each.else_body)),
            ast::Stmt::IfCond(branch) => pending.extend(branch.true_body.iter().chain(&branch.false_body)),
            ast::Stmt::WithBlock(with) => pending.extend(&with.body),
            ast::Stmt::EmitExpr(_) | ast::Stmt::EmitRaw(_) | ast::Stmt::Set(_) | ast::Stmt::Do(_) => {}
            ast::Stmt::SetBlock(_) | ast::Stmt::AutoEscape(_) | ast::Stmt::FilterBlock(_) => {
                return Err(ExprError::new(
                    "has a block that cannot stand here\nhint: use {{ ... }}, {% for %}, {% if %}, {% set x = ... %}",
                ));
            }
        }
    }
    Ok(())
}

/// The values that were written, in their order.
#[derive(Debug, Default)]
struct Written(Mutex<Vec<Inserted>>);

impl Object for Written {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

fn draft(source: &str, scope: Scope) -> Result<Draft, ExprError> {
    let written = Arc::new(Written::default());
    let scope = scope.with_written(Value::from_dyn_object(Arc::clone(&written)));
    let text = PLACES.render_str(source, Value::from_object(scope)).map_err(|error| ExprError::from_engine(&error))?;
    let inserted = std::mem::take(&mut *written.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Draft { text: bounded(text)?, inserted })
}

fn bounded(text: String) -> Result<String, ExprError> {
    if text.len() > OUTPUT_BYTES_MAX {
        return Err(ExprError::new(format!("yields more than {OUTPUT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// A value as a reader wants it: nothing for a NULL, not the word `none`.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() { Ok(()) } else { minijinja::escape_formatter(out, state, value) }
}

fn write_place(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let found = state.lookup(WRITTEN);
    let written = found.as_ref().and_then(|found| found.downcast_object_ref::<Written>());
    let Some(written) = written else {
        return Err(Error::new(ErrorKind::InvalidOperation, "nothing can be written here"));
    };
    let mut written = written.0.lock().unwrap_or_else(PoisonError::into_inner);
    let inserted = inserted(value);
    let bytes: usize = written.iter().map(|inserted| inserted.text.len() + 16).sum();
    if bytes + inserted.text.len() > WRITTEN_BYTES_MAX {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("writes more than {WRITTEN_BYTES_MAX} bytes")));
    }
    out.write_str(&Draft::place(written.len()))?;
    written.push(inserted);
    Ok(())
}

fn inserted(value: &Value) -> Inserted {
    let json = match value.kind() {
        ValueKind::Bool | ValueKind::Number | ValueKind::None => serde_json::to_value(value).ok(),
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => Some(serde_json::Value::Array(Vec::new())),
        _ => None,
    };
    let text = if value.is_none() { String::new() } else { value.to_string() };
    Inserted { json: json.unwrap_or_else(|| serde_json::Value::String(text.clone())), text }
}
