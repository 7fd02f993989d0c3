//! Can a condition hold at all? It is judged for each operation without a change: what is not known may be anything.

mod demand;

pub use demand::Contradiction;

use super::expr::ExprError;
use super::syntax::{Image, Literal, from_value, is_comparison, mention, range};
use crate::change::Op;
use minijinja::Value;
use minijinja::machinery::ast::{BinOpKind, CompareOpKind, Expr, UnaryOpKind};
use minijinja::machinery::parse_expr;
use std::ops::Range;

/// What evaluating may come to: any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ends {
    yes: bool,
    no: bool,
    fails: bool,
}

/// What is to be expected of a condition for changes of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlook {
    /// It depends.
    Open,
    /// It holds each time.
    Always,
    /// It is false each time; where it says so.
    Never(Option<Contradiction>),
    /// It fails each time it comes to it, which counts as false; where it says what the change does not have.
    Fails(Option<Range<usize>>),
}

/// Judges a condition for changes of one operation.
pub fn outlook(condition: &str, op: Op) -> Result<Outlook, ExprError> {
    let parsed = parse_expr(condition).map_err(|error| ExprError::from_engine(&error))?;
    let seer = Seer { text: condition, op };
    let ends = seer.truth(&parsed);
    let mut absent = None;
    let outlook = match ends {
        Ends { yes: false, no: false, .. } => {
            seer.absent(&parsed, &mut absent);
            Outlook::Fails(absent)
        }
        Ends { yes: false, .. } => Outlook::Never(None),
        Ends { no: false, fails: false, .. } => Outlook::Always,
        _ => match seer.contradiction(&parsed) {
            Some(found) => Outlook::Never(Some(found)),
            None => Outlook::Open,
        },
    };
    Ok(outlook)
}

/// What a part of an expression is, as far as that can be told.
enum Sight {
    Known(Value),
    /// Something that changes of this operation do not have: touching it fails.
    Absent,
    Anything,
}

struct Seer<'t> {
    text: &'t str,
    op: Op,
}

const OPEN: Ends = Ends { yes: true, no: true, fails: true };
const FAILS: Ends = Ends { yes: false, no: false, fails: true };

impl Ends {
    fn of(value: &Value) -> Self {
        Self { yes: value.is_true(), no: !value.is_true(), fails: false }
    }

    fn and(self, other: Ends) -> Ends {
        Ends { yes: self.yes && other.yes, no: self.no || other.no, fails: self.fails || other.fails }
    }
}

impl Seer<'_> {
    /// What comes of an expression where yes or no is wanted.
    fn truth(&self, expression: &Expr<'_>) -> Ends {
        match expression {
            Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Not) => {
                let ends = self.truth(&op.expr);
                Ends { yes: ends.no, no: ends.yes, ..ends }
            }
            Expr::BinOp(op) if matches!(op.op, BinOpKind::ScAnd) => {
                let left = self.truth(&op.left);
                // The right side is not looked at unless the left one holds.
                let right = if left.yes { self.truth(&op.right) } else { Ends::default() };
                Ends { yes: right.yes, no: left.no || right.no, fails: left.fails || right.fails }
            }
            Expr::BinOp(op) if matches!(op.op, BinOpKind::ScOr) => {
                let left = self.truth(&op.left);
                let right = if left.no { self.truth(&op.right) } else { Ends::default() };
                Ends { yes: left.yes || right.yes, no: right.no, fails: left.fails || right.fails }
            }
            Expr::BinOp(op) if is_comparison(&op.op) || matches!(op.op, BinOpKind::In) => {
                self.compared(as_compare(&op.op), &op.left, &op.right)
            }
            Expr::Compare(chain) => {
                let mut ends = Ends { yes: true, ..Ends::default() };
                let mut left = &chain.expr;
                for next in &chain.ops {
                    if ends.yes {
                        ends = ends.and(self.compared(Some(&next.op), left, &next.expr));
                    }
                    left = &next.expr;
                }
                ends
            }
            Expr::IfExpr(branch) => {
                let test = self.truth(&branch.test_expr);
                let mut ends = Ends { fails: test.fails, ..Ends::default() };
                let mut add = |found: Ends| {
                    ends =
                        Ends { yes: ends.yes || found.yes, no: ends.no || found.no, fails: ends.fails || found.fails };
                };
                if test.yes {
                    add(self.truth(&branch.true_expr));
                }
                if test.no {
                    add(branch.false_expr.as_ref().map_or(Ends { no: true, ..Ends::default() }, |e| self.truth(e)));
                }
                ends
            }
            Expr::Test(test) if matches!(test.name, "defined" | "undefined") => {
                let defined = match self.sight(&test.expr) {
                    Sight::Absent => Ends { no: true, ..Ends::default() },
                    Sight::Known(_) => Ends { yes: true, ..Ends::default() },
                    Sight::Anything => Ends { fails: false, ..OPEN },
                };
                match test.name {
                    "defined" => defined,
                    _ => Ends { yes: defined.no, no: defined.yes, fails: false },
                }
            }
            other => match self.sight(other) {
                Sight::Known(value) => Ends::of(&value),
                Sight::Absent => FAILS,
                Sight::Anything => OPEN,
            },
        }
    }

    fn compared(&self, op: Option<&CompareOpKind>, left: &Expr<'_>, right: &Expr<'_>) -> Ends {
        let sides = (self.sight(left), self.sight(right));
        match (sides, op) {
            ((Sight::Absent, _) | (_, Sight::Absent), _) => FAILS,
            ((Sight::Known(left), Sight::Known(right)), Some(op)) => match known(op, &left, &right) {
                Some(holds) => Ends { yes: holds, no: !holds, fails: false },
                None => OPEN,
            },
            ((Sight::Anything, Sight::Anything), Some(op)) if self.same(left, right) => {
                // Unequal to itself is only what is no number.
                let holds = matches!(op, CompareOpKind::Eq | CompareOpKind::Lte | CompareOpKind::Gte);
                Ends { yes: holds, no: !holds, fails: true }
            }
            _ => OPEN,
        }
    }

    fn same(&self, left: &Expr<'_>, right: &Expr<'_>) -> bool {
        match (mention(self.text, left), mention(self.text, right)) {
            (Some(left), Some(right)) => {
                left.image != Image::Any
                    && self.image(left.image) == self.image(right.image)
                    && left.column == right.column
            }
            _ => false,
        }
    }

    fn sight(&self, expression: &Expr<'_>) -> Sight {
        if let Some(mention) = mention(self.text, expression) {
            // `changed` of a column is a question that can always be asked.
            let asked =
                matches!(expression, Expr::Call(call) if matches!(&call.expr, Expr::Var(f) if f.id == "changed"));
            let sides: &[Image] = match mention.image {
                Image::Any if asked => &[],
                Image::Any => &[Image::Before, Image::After],
                ref image => std::slice::from_ref(image),
            };
            return match sides.iter().all(|image| self.has(*image)) {
                true => Sight::Anything,
                false => Sight::Absent,
            };
        }
        if let Some(value) = expression.as_const() {
            return Sight::Known(value);
        }
        match expression {
            Expr::Var(var) => match var.id {
                "op" => Sight::Known(Value::from(self.op.as_str())),
                "before" if !self.has(Image::Before) => Sight::Absent,
                "after" if !self.has(Image::After) => Sight::Absent,
                "row" if !self.has(Image::Row) => Sight::Absent,
                _ => Sight::Anything,
            },
            Expr::BinOp(op) => match (self.sight(&op.left), self.sight(&op.right)) {
                (Sight::Absent, _) | (_, Sight::Absent) if !matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                    Sight::Absent
                }
                _ => Sight::Anything,
            },
            Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Neg) => self.sight(&op.expr).unknown(),
            Expr::GetAttr(attribute) => self.sight(&attribute.expr).unknown(),
            Expr::GetItem(item) => self.sight(&item.expr).unknown(),
            // `default` and its like are made for what is not there.
            Expr::Filter(filter) if !matches!(filter.name, "default" | "d") => match &filter.expr {
                Some(of) => self.sight(of).unknown(),
                None => Sight::Anything,
            },
            _ => Sight::Anything,
        }
    }

    /// Do changes of this operation have the image?
    fn has(&self, image: Image) -> bool {
        match image {
            Image::Before => matches!(self.op, Op::Update | Op::Delete),
            Image::After => matches!(self.op, Op::Create | Op::Update | Op::Read | Op::Message),
            Image::Row => self.op != Op::Truncate,
            Image::Key | Image::Any => true,
        }
    }

    /// The image that `row` stands for.
    fn image(&self, image: Image) -> Image {
        match image {
            Image::Row if self.has(Image::After) => Image::After,
            Image::Row => Image::Before,
            image => image,
        }
    }

    /// Where the first thing stands that these changes do not have.
    fn absent(&self, expression: &Expr<'_>, found: &mut Option<Range<usize>>) {
        if found.is_some() {
            return;
        }
        let here = mention(self.text, expression).is_some() || matches!(expression, Expr::Var(_));
        if here && matches!(self.sight(expression), Sight::Absent) {
            *found = Some(range(self.text, expression));
            return;
        }
        match expression {
            Expr::UnaryOp(op) => self.absent(&op.expr, found),
            Expr::BinOp(op) => {
                self.absent(&op.left, found);
                self.absent(&op.right, found);
            }
            Expr::Compare(chain) => {
                self.absent(&chain.expr, found);
                chain.ops.iter().for_each(|next| self.absent(&next.expr, found));
            }
            Expr::Filter(filter) => filter.expr.iter().for_each(|of| self.absent(of, found)),
            Expr::Test(test) => self.absent(&test.expr, found),
            Expr::GetAttr(attribute) => self.absent(&attribute.expr, found),
            Expr::GetItem(item) => self.absent(&item.expr, found),
            _ => {}
        }
    }
}

impl Sight {
    /// Of what is made of it.
    fn unknown(self) -> Sight {
        match self {
            Sight::Known(_) => Sight::Anything,
            other => other,
        }
    }
}

/// The answer where both sides are known.
fn known(op: &CompareOpKind, left: &Value, right: &Value) -> Option<bool> {
    if let CompareOpKind::In | CompareOpKind::NotIn = op {
        let among = right.try_iter().ok()?.any(|item| item == *left);
        return Some(among == matches!(op, CompareOpKind::In));
    }
    let order = order(&from_value(left)?, &from_value(right)?)?;
    Some(match op {
        CompareOpKind::Eq => order.is_eq(),
        CompareOpKind::Ne => order.is_ne(),
        CompareOpKind::Lt => order.is_lt(),
        CompareOpKind::Lte => order.is_le(),
        CompareOpKind::Gt => order.is_gt(),
        CompareOpKind::Gte => order.is_ge(),
        CompareOpKind::In | CompareOpKind::NotIn => return None,
    })
}

fn as_compare(op: &BinOpKind) -> Option<&'static CompareOpKind> {
    Some(match op {
        BinOpKind::Eq => &CompareOpKind::Eq,
        BinOpKind::Ne => &CompareOpKind::Ne,
        BinOpKind::Lt => &CompareOpKind::Lt,
        BinOpKind::Lte => &CompareOpKind::Lte,
        BinOpKind::Gt => &CompareOpKind::Gt,
        BinOpKind::Gte => &CompareOpKind::Gte,
        BinOpKind::In => &CompareOpKind::In,
        _ => return None,
    })
}

fn order(left: &Literal, right: &Literal) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Literal::Number(left), Literal::Number(right)) => left.partial_cmp(right),
        (Literal::Text(left), Literal::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
