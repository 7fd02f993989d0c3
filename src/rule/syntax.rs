//! What the pieces of a parsed expression say: columns, literals, and where they stand in the text.

use minijinja::Value;
use minijinja::machinery::ast::{BinOpKind, CallArg, Expr};
use std::ops::Range;

/// An image of the row, as expressions name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Image {
    /// `before.x`, `old('x')`
    Before,
    /// `after.x`, `new('x')`
    After,
    /// `row.x`
    Row,
    /// `key.x`
    Key,
    /// `changed('x')`, `delta('x')`
    Any,
}

/// A column that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnUse {
    /// Where it is looked for.
    pub image: Image,
    /// Its name.
    pub column: String,
    /// Where the name stands in the expression, in bytes.
    pub at: Range<usize>,
}

/// A literal that a column is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

pub(super) fn is_comparison(op: &BinOpKind) -> bool {
    use BinOpKind::{Eq, Gt, Gte, Lt, Lte, Ne};
    matches!(op, Eq | Ne | Lt | Lte | Gt | Gte)
}

/// `row.x`, `row['x']`, `old('x')`
pub(super) fn mention(text: &str, expression: &Expr<'_>) -> Option<ColumnUse> {
    let named = |of: &Expr<'_>| match of {
        Expr::Var(var) => match var.id {
            "before" => Some(Image::Before),
            "after" => Some(Image::After),
            "row" => Some(Image::Row),
            "key" => Some(Image::Key),
            _ => None,
        },
        _ => None,
    };
    let constant = |of: &Expr<'_>| of.as_const().filter(|value| value.as_str().is_some());
    let (image, column) = match expression {
        Expr::GetAttr(attribute) => (named(&attribute.expr)?, attribute.name.to_owned()),
        Expr::GetItem(item) => (named(&item.expr)?, constant(&item.subscript_expr)?.to_string()),
        Expr::Call(call) => {
            let Expr::Var(function) = &call.expr else { return None };
            let image = match function.id {
                "old" => Image::Before,
                "new" => Image::After,
                "changed" | "delta" => Image::Any,
                _ => return None,
            };
            let [CallArg::Pos(argument)] = &call.args[..] else { return None };
            (image, constant(argument)?.to_string())
        }
        _ => return None,
    };
    let whole = range(text, expression);
    let at = text.get(whole.clone()).and_then(|part| Some(whole.start + part.rfind(&column)?));
    let at = at.map_or(whole, |start| start..start + column.len());
    Some(ColumnUse { image, column, at })
}

pub(super) fn literal(expression: &Expr<'_>) -> Option<Literal> {
    from_value(&expression.as_const()?)
}

pub(super) fn from_value(value: &Value) -> Option<Literal> {
    if let Some(text) = value.as_str() {
        return Some(Literal::Text(text.to_owned()));
    }
    value.is_number().then(|| f64::try_from(value.clone()).ok()).flatten().map(Literal::Number)
}

/// Where an expression stands, its own brackets included. The parser's spans of composed ones begin a token early.
pub(super) fn range(text: &str, expression: &Expr<'_>) -> Range<usize> {
    let mut at = start(expression)..expression.span().end_offset as usize;
    let depth = |at: &Range<usize>| {
        let mut quote = None;
        text.get(at.clone()).unwrap_or_default().chars().fold(0_i32, |depth, c| match (quote, c) {
            (Some(open), c) => {
                quote = (open != c).then_some(open);
                depth
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                depth
            }
            (None, '(') => depth + 1,
            (None, ')') => depth - 1,
            (None, _) => depth,
        })
    };
    while depth(&at) < 0
        && let Some(open) = text.get(..at.start).and_then(|before| before.rfind('('))
    {
        at.start = open;
    }
    while depth(&at) > 0
        && let Some(close) = text.get(at.end..).and_then(|behind| behind.find(')'))
    {
        at.end += close + 1;
    }
    at
}

/// Where its leftmost part begins.
fn start(expression: &Expr<'_>) -> usize {
    match expression {
        Expr::BinOp(op) => start(&op.left),
        Expr::Compare(chain) => start(&chain.expr),
        Expr::IfExpr(branch) => start(&branch.true_expr),
        Expr::Test(test) => start(&test.expr),
        Expr::GetAttr(attribute) => start(&attribute.expr),
        Expr::GetItem(item) => start(&item.expr),
        Expr::Slice(slice) => start(&slice.expr),
        Expr::Call(call) => start(&call.expr),
        Expr::Filter(filter) => match &filter.expr {
            Some(of) => start(of),
            None => expression.span().start_offset as usize,
        },
        _ => expression.span().start_offset as usize,
    }
}
