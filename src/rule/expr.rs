//! Conditions, and what they share with templates: one language (minijinja), evaluated with fuel and strict undefined.

use super::scope::Scope;
use super::syntax::range;
use crate::change::RowChange;
use minijinja::machinery::{ast, parse_expr};
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// Steps one evaluation may take; a rule is a few dozen.
const FUEL: u64 = 20_000;

/// Names every condition and template may use.
pub const NAMES: &[&str] =
    &["before", "after", "row", "key", "op", "table", "source", "changed", "delta", "old", "new"];

pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// What conditions and templates have in common.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // The texts become Block Kit and card JSON, never HTML.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
}

/// Why an expression is refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// One line, without row data.
    pub message: String,
}

impl ExprError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// minijinja's detail quotes the expression's own text, names and kinds; arithmetic that fails is the one that
    /// quotes values ("unable to calculate 199 // 0"), which are row data.
    pub(super) fn from_engine(error: &minijinja::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::UndefinedError => {
                return Self::new("touches an image or a column that this change does not have");
            }
            ErrorKind::OutOfFuel => return Self::new("takes too many steps"),
            _ if error.detail().is_some_and(|detail| detail.starts_with("unable to calculate")) => {
                return Self::new("calculates what has no result (a division by zero, or a number too large)");
            }
            kind => kind,
        };
        Self::new(match error.detail() {
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        })
    }
}

/// A compiled `when`.
#[derive(Debug)]
pub struct Condition {
    expression: minijinja::Expression<'static, 'static>,
    /// Both sides of every comparison: text against a number has no order, and must not pretend to have one.
    comparisons: Vec<[minijinja::Expression<'static, 'static>; 2]>,
    columns: BTreeSet<String>,
}

impl Condition {
    /// Compiles a condition.
    pub fn compile(text: &str) -> Result<Self, ExprError> {
        let compile =
            |text: &str| ENVIRONMENT.compile_expression_owned(text.to_owned()).map_err(|e| ExprError::from_engine(&e));
        let expression = compile(text)?;
        known_names(expression.undeclared_variables(false), NAMES)?;
        let columns = mentioned_columns(expression.undeclared_variables(true));
        let mut sides = Vec::new();
        let parsed = parse_expr(text).map_err(|e| ExprError::from_engine(&e))?;
        collect_comparisons(text, &parsed, &mut sides);
        let mut comparisons = Vec::new();
        for [left, right] in sides {
            if let (Ok(left), Ok(right)) = (compile(&text[left]), compile(&text[right])) {
                comparisons.push([left, right]);
            }
        }
        Ok(Self { expression, comparisons, columns })
    }

    /// The `image.column` names the condition mentions, without the image.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// True when the change meets the condition; an error counts as false.
    pub fn holds(&self, change: &Arc<RowChange>) -> Result<bool, ExprError> {
        let scope = Value::from_object(Scope::of_condition(Arc::clone(change)));
        for [left, right] in &self.comparisons {
            // A side that fails alone may stand behind a guard (`x is defined and x > 1`): the whole decides.
            if let (Ok(left), Ok(right)) = (left.eval(&scope), right.eval(&scope)) {
                mixed(&left, &right)?;
            }
        }
        let value = self.expression.eval(&scope).map_err(|e| ExprError::from_engine(&e))?;
        Ok(value.is_true())
    }
}

fn mixed(left: &Value, right: &Value) -> Result<(), ExprError> {
    match (left.kind(), right.kind()) {
        (ValueKind::String, ValueKind::Number) | (ValueKind::Number, ValueKind::String) => {
            Err(ExprError::new("compares a text with a number (give the column a `type`, e.g. decimal)"))
        }
        _ => Ok(()),
    }
}

/// Refuses names that nothing stands behind.
pub(super) fn known_names(names: impl IntoIterator<Item = String>, known: &[&str]) -> Result<(), ExprError> {
    for name in names {
        if !known.contains(&name.as_str()) && !ENVIRONMENT.globals().any(|(global, _)| global == name) {
            let hint = match super::nearest(&name, known.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("known: {}", known.join(", ")),
            };
            return Err(ExprError::new(format!("{name:?} is not known\nhint: {hint}")));
        }
    }
    Ok(())
}

fn mentioned_columns(paths: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    paths
        .into_iter()
        .filter_map(|path| {
            let mut parts = path.split('.');
            let image = parts.next()?;
            let column = parts.next()?;
            matches!(image, "before" | "after" | "row").then(|| column.to_owned())
        })
        .collect()
}

type Side = std::ops::Range<usize>;

fn collect_comparisons(text: &str, expr: &ast::Expr<'_>, found: &mut Vec<[Side; 2]>) {
    use ast::{BinOpKind, Expr};
    match expr {
        Expr::BinOp(op) => {
            if matches!(
                op.op,
                BinOpKind::Eq | BinOpKind::Ne | BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte
            ) {
                found.push([range(text, &op.left), range(text, &op.right)]);
            }
            collect_comparisons(text, &op.left, found);
            collect_comparisons(text, &op.right, found);
        }
        Expr::Compare(chain) => {
            let mut left = &chain.expr;
            for next in &chain.ops {
                found.push([range(text, left), range(text, &next.expr)]);
                left = &next.expr;
            }
        }
        Expr::UnaryOp(op) => collect_comparisons(text, &op.expr, found),
        Expr::IfExpr(branch) => {
            collect_comparisons(text, &branch.test_expr, found);
            collect_comparisons(text, &branch.true_expr, found);
            if let Some(other) = &branch.false_expr {
                collect_comparisons(text, other, found);
            }
        }
        _ => {}
    }
}
