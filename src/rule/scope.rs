//! What a condition or a template can see of a change.

use crate::change::{Bounded, ColumnChange, Decimal, Row, RowChange, Value as Cell};
use bigdecimal::ToPrimitive;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt;
use std::sync::Arc;

/// How decimals and times are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// For conditions: decimals are numbers, so that `price < 100` means what it says.
    Compare,
    /// For templates: decimals keep every digit, as text.
    Show,
}

/// The names of [`super::expr::NAMES`] over one change.
pub struct Scope {
    change: Arc<RowChange>,
    reading: Reading,
    redacted: Arc<[String]>,
    /// For templates: how the filters write.
    formats: Option<Value>,
    /// For payloads: the message that the default would post.
    message: Option<Value>,
    /// Where the engine leaves the values that it writes.
    written: Option<Value>,
    /// Stands for columns that a made-up change does not have.
    sample: Option<Sample>,
}

/// What a template shows instead of a redacted value.
pub const REDACTED: &str = "(hidden)";

/// Names under which the engine's own helpers find their things: no template can spell them.
pub const FORMATS: &str = " formats";
pub const WRITTEN: &str = " written";

/// What stands for a column of which nothing is known, when a template is tried before there are any rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// A text that ends strings and breaks lines where it is not escaped.
    Text,
    /// A number.
    Number,
}

impl Sample {
    fn value(self) -> Value {
        match self {
            Sample::Text => Value::from("Sample \"quoted\" \\ <b>&</b> {{x}}\n*second* line"),
            Sample::Number => Value::from(12.5),
        }
    }
}

impl Scope {
    /// What a condition sees: every value, for they go nowhere.
    pub fn of_condition(change: Arc<RowChange>) -> Self {
        Self {
            change,
            reading: Reading::Compare,
            redacted: Arc::new([]),
            formats: None,
            message: None,
            written: None,
            sample: None,
        }
    }

    /// What a template sees: `redacted` columns as a word.
    pub fn of_template(change: Arc<RowChange>, redacted: Arc<[String]>, formats: Value) -> Self {
        Self { reading: Reading::Show, redacted, formats: Some(formats), ..Self::of_condition(change) }
    }

    /// The same scope with the default's message.
    pub fn with_message(self, message: Option<Value>) -> Self {
        Self { message, ..self }
    }

    /// The same scope with a place for the values that are written.
    pub fn with_written(self, written: Value) -> Self {
        Self { written: Some(written), ..self }
    }

    /// The same scope over a made-up change.
    pub fn with_sample(self, sample: Option<Sample>) -> Self {
        Self { sample, ..self }
    }

    fn image(&self, which: Image) -> Option<Value> {
        if self.sample.is_none() {
            which.row(&self.change)?;
        }
        Some(Value::from_object(self.object(which)))
    }

    fn object(&self, which: Image) -> ImageObject {
        let redacted = Arc::clone(&self.redacted);
        ImageObject { change: Arc::clone(&self.change), which, reading: self.reading, redacted, sample: self.sample }
    }

    fn function(&self, kind: Function) -> Option<Value> {
        let (old, new) = (self.object(Image::Before), self.object(Image::After));
        Some(Value::from_object(FunctionObject { change: Arc::clone(&self.change), kind, old, new }))
    }
}

// Row data must not reach a log through an error's debug output.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.change.record)
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "before" => self.image(Image::Before),
            "after" => self.image(Image::After),
            "row" => self.image(Image::Row),
            "key" => self.image(Image::Key),
            "op" => Some(Value::from(self.change.op.as_str())),
            "table" => Some(Value::from(&*self.change.table)),
            "source" => Some(Value::from_pairs([
                ("connector", Value::from(&*self.change.connector)),
                ("server", Value::from(&*self.change.server)),
                ("database", self.change.database.as_deref().map_or(Value::from(()), Value::from)),
                ("topic", Value::from(&*self.change.record.topic)),
            ])),
            "changed" => self.function(Function::Changed),
            "delta" => self.function(Function::Delta),
            "old" => self.function(Function::Old),
            "new" => self.function(Function::New),
            "message" => self.message.clone(),
            FORMATS => self.formats.clone(),
            WRITTEN => self.written.clone(),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Image {
    Before,
    After,
    Row,
    Key,
}

impl Image {
    fn row(self, change: &RowChange) -> Option<&Row> {
        match self {
            // A moved row's old image is its old key.
            Image::Before => change.before.as_ref().or(change.rekeyed_from.as_ref()),
            Image::After => change.after.as_ref(),
            Image::Row => change.row(),
            Image::Key => change.key.as_ref(),
        }
    }
}

struct ImageObject {
    change: Arc<RowChange>,
    which: Image,
    reading: Reading,
    redacted: Arc<[String]>,
    sample: Option<Sample>,
}

impl ImageObject {
    /// `None` where the image does not have the column, or the source did not send it.
    fn column(&self, name: &str) -> Option<Value> {
        let Some(column) = self.which.row(&self.change).and_then(|row| row.get(name)) else {
            return self.sample.map(Sample::value);
        };
        if column.value == Cell::Unavailable {
            // Undefined, so that strict evaluation stops: what was not sent is neither old nor new.
            return None;
        }
        if self.hides(name) {
            return Some(Value::from(REDACTED));
        }
        Some(value(&column.value, self.reading))
    }
}

impl ImageObject {
    fn hides(&self, name: &str) -> bool {
        self.reading == Reading::Show && self.redacted.iter().any(|redacted| redacted == name)
    }
}

impl fmt::Debug for ImageObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.which, self.change.record)
    }
}

impl Object for ImageObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.column(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.which.row(&self.change).map(|row| row.columns.iter().map(|c| Value::from(&*c.name)).collect());
        Enumerator::Values(names.unwrap_or_default())
    }
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Changed,
    Delta,
    Old,
    New,
}

struct FunctionObject {
    change: Arc<RowChange>,
    kind: Function,
    old: ImageObject,
    new: ImageObject,
}

impl fmt::Debug for FunctionObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}()", self.kind)
    }
}

impl Object for FunctionObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [column] = args else {
            return Err(Error::new(ErrorKind::MissingArgument, "takes one column name in quotes"));
        };
        let Some(name) = column.as_str() else {
            return Err(Error::new(ErrorKind::InvalidOperation, "takes a column name in quotes"));
        };
        let changed = self.change.changed(name);
        match self.kind {
            Function::Changed => Ok(Value::from(changed.is_some() || self.new.sample.is_some())),
            // The difference tells much of what is hidden.
            Function::Delta if self.new.hides(name) => Ok(Value::from(REDACTED)),
            Function::Delta if self.new.sample.is_some() => Ok(Value::from(1)),
            Function::Delta => delta(changed),
            Function::Old => self.old.column(name).ok_or_else(|| Error::from(ErrorKind::UndefinedError)),
            Function::New => self.new.column(name).ok_or_else(|| Error::from(ErrorKind::UndefinedError)),
        }
    }
}

/// New minus old: a number, for times in seconds.
fn delta(changed: Option<&ColumnChange>) -> Result<Value, Error> {
    let Some(change) = changed else {
        return Ok(Value::from(0));
    };
    let (Some(old), Some(new)) = (&change.old, &change.new) else {
        return Err(Error::from(ErrorKind::UndefinedError));
    };
    match (old, new) {
        (Cell::Int(old), Cell::Int(new)) => Ok(difference(*old, *new, 1)),
        (Cell::Decimal(Decimal::Finite(old)), Cell::Decimal(Decimal::Finite(new))) => Ok(decimal_number(&(new - old))),
        (Cell::Date(Bounded::Finite(old)), Cell::Date(Bounded::Finite(new))) => Ok(difference(*old, *new, 86_400)),
        (Cell::Time(old), Cell::Time(new))
        | (Cell::Timestamp(Bounded::Finite(old)), Cell::Timestamp(Bounded::Finite(new)))
        | (Cell::Instant(Bounded::Finite(old)), Cell::Instant(Bounded::Finite(new))) => {
            Ok(Value::from((new - old) as f64 / 1e9))
        }
        _ => match (number(old), number(new)) {
            (Some(old), Some(new)) => Ok(Value::from(new - old)),
            _ => Err(Error::new(ErrorKind::InvalidOperation, "delta() needs a number or a time on both sides")),
        },
    }
}

/// New minus old, times `unit`; a double where 128 bits do not hold it, as a JSON number may be of any size.
fn difference(old: i128, new: i128, unit: i128) -> Value {
    match new.checked_sub(old).and_then(|difference| difference.checked_mul(unit)) {
        Some(exact) => Value::from(exact),
        None => Value::from((new as f64 - old as f64) * unit as f64),
    }
}

fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Int(v) => Some(*v as f64),
        Cell::Float(v) => Some(*v),
        Cell::Decimal(Decimal::Finite(v)) => v.to_f64(),
        _ => None,
    }
}

fn decimal_number(decimal: &bigdecimal::BigDecimal) -> Value {
    // Whole numbers stay exact as far as 128 bits reach; the rest compares as a double.
    if decimal.is_integer()
        && let Some(whole) = decimal.to_i128()
    {
        return Value::from(whole);
    }
    decimal.to_f64().map_or(Value::UNDEFINED, Value::from)
}

fn value(cell: &Cell, reading: Reading) -> Value {
    match cell {
        Cell::Null | Cell::Unavailable => Value::from(()),
        Cell::Bool(v) => Value::from(*v),
        Cell::Int(v) => i64::try_from(*v).map_or_else(|_| Value::from(*v), Value::from),
        Cell::Float(v) => Value::from(*v),
        Cell::Decimal(decimal) if reading == Reading::Compare => match decimal {
            Decimal::Finite(v) => decimal_number(v),
            Decimal::NaN => Value::from(f64::NAN),
            Decimal::Infinity => Value::from(f64::INFINITY),
            Decimal::NegInfinity => Value::from(f64::NEG_INFINITY),
        },
        Cell::Text(v) => Value::from(&**v),
        Cell::Json(v) => Value::from(minijinja::value::Serde(&**v)),
        Cell::Array(items) => items.iter().map(|item| value(item, reading)).collect(),
        Cell::Map(entries) => {
            Value::from_pairs(entries.iter().map(|(name, item)| (name.to_string(), value(item, reading))))
        }
        Cell::Point(x, y) => Value::from_pairs([("x", *x), ("y", *y)]),
        // Dates and times as ISO text, which compares in order; bytes and bits as `inspect` writes them.
        Cell::Decimal(_)
        | Cell::Date(_)
        | Cell::Time(_)
        | Cell::Timestamp(_)
        | Cell::Instant(_)
        | Cell::Bytes(_)
        | Cell::Bits(_) => Value::from(cell.plain()),
    }
}
