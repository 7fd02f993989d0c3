//! Comparisons that must all hold for a condition to hold, and whether two of them can.

use super::{Seer, as_compare, order};
use crate::rule::syntax::{Image, Literal, is_comparison, literal, mention, range};
use minijinja::machinery::ast::{BinOpKind, CompareOpKind, Expr};
use std::ops::Range;

/// Two comparisons that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The one.
    pub first: Range<usize>,
    /// The other.
    pub second: Range<usize>,
}

impl Seer<'_> {
    /// Two of the comparisons that must all hold and cannot.
    pub(super) fn contradiction(&self, expression: &Expr<'_>) -> Option<Contradiction> {
        let mut demands = Vec::new();
        self.demands(expression, &mut demands);
        let mut pairs = demands
            .iter()
            .enumerate()
            .flat_map(|(at, first)| demands[at + 1..].iter().map(move |second| (first, second)));
        let (first, second) = pairs.find(|(first, second)| first.excludes(second))?;
        Some(Contradiction { first: first.at.clone(), second: second.at.clone() })
    }

    fn demands(&self, expression: &Expr<'_>, demands: &mut Vec<Demand>) {
        match expression {
            Expr::BinOp(op) if matches!(op.op, BinOpKind::ScAnd) => {
                self.demands(&op.left, demands);
                self.demands(&op.right, demands);
            }
            Expr::BinOp(op) if is_comparison(&op.op) => {
                if let Some(kind) = as_compare(&op.op) {
                    demands.extend(self.demand(kind, &op.left, &op.right, range(self.text, expression)));
                }
            }
            Expr::Compare(chain) => {
                let mut left = &chain.expr;
                for next in &chain.ops {
                    let at = range(self.text, left).start..range(self.text, &next.expr).end;
                    demands.extend(self.demand(&next.op, left, &next.expr, at));
                    left = &next.expr;
                }
            }
            _ => {}
        }
    }

    fn demand(&self, op: &CompareOpKind, left: &Expr<'_>, right: &Expr<'_>, at: Range<usize>) -> Option<Demand> {
        let (subject, value, turned) = match (self.subject(left), literal(right)) {
            (Some(subject), Some(value)) => (subject, value, false),
            _ => (self.subject(right)?, literal(left)?, true),
        };
        let sign = match (op, turned) {
            (CompareOpKind::Eq, _) => Sign::Is,
            (CompareOpKind::Ne, _) => Sign::IsNot,
            (CompareOpKind::Lt, false) | (CompareOpKind::Gt, true) => Sign::Below,
            (CompareOpKind::Lte, false) | (CompareOpKind::Gte, true) => Sign::AtMost,
            (CompareOpKind::Gt, false) | (CompareOpKind::Lt, true) => Sign::Above,
            (CompareOpKind::Gte, false) | (CompareOpKind::Lte, true) => Sign::AtLeast,
            (CompareOpKind::In | CompareOpKind::NotIn, _) => return None,
        };
        Some(Demand { subject, sign, value, at })
    }

    /// What is compared, by a name that is equal for what is the same.
    fn subject(&self, expression: &Expr<'_>) -> Option<(Option<Image>, String)> {
        if let Some(mention) = mention(self.text, expression) {
            return (mention.image != Image::Any).then(|| (Some(self.image(mention.image)), mention.column));
        }
        match expression {
            Expr::Var(var) if matches!(var.id, "op" | "table") => Some((None, var.id.to_owned())),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

struct Demand {
    subject: (Option<Image>, String),
    sign: Sign,
    value: Literal,
    at: Range<usize>,
}

impl Demand {
    fn excludes(&self, other: &Demand) -> bool {
        if self.subject != other.subject {
            return false;
        }
        match (self.sign, other.sign) {
            (Sign::Is, _) => !other.allows(&self.value),
            (_, Sign::Is) => !self.allows(&other.value),
            (Sign::Below | Sign::AtMost, Sign::Above | Sign::AtLeast) => !self.overlaps(other),
            (Sign::Above | Sign::AtLeast, Sign::Below | Sign::AtMost) => !other.overlaps(self),
            _ => false,
        }
    }

    fn allows(&self, value: &Literal) -> bool {
        let Some(order) = order(value, &self.value) else {
            // A text is no number, but nothing else either: only equality decides.
            return self.sign != Sign::Is;
        };
        match self.sign {
            Sign::Is => order.is_eq(),
            Sign::IsNot => order.is_ne(),
            Sign::Below => order.is_lt(),
            Sign::AtMost => order.is_le(),
            Sign::Above => order.is_gt(),
            Sign::AtLeast => order.is_ge(),
        }
    }

    /// Is there anything between this upper and that lower bound?
    fn overlaps(&self, lower: &Demand) -> bool {
        match order(&lower.value, &self.value) {
            None => true,
            Some(order) if order.is_eq() => self.sign == Sign::AtMost && lower.sign == Sign::AtLeast,
            Some(order) => order.is_lt(),
        }
    }
}
