//! Can a condition hold at all? It is judged for each operation without a change: what is not known may be anything.

use super::expr::ExprError;
use super::parts::{Image, Literal, from_value, is_comparison, literal, mention, range};
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

/// Two comparisons that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The one.
    pub first: Range<usize>,
    /// The other.
    pub second: Range<usize>,
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

    /// Two of the comparisons that must all hold and cannot.
    fn contradiction(&self, expression: &Expr<'_>) -> Option<Contradiction> {
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

impl Sight {
    /// Of what is made of it.
    fn unknown(self) -> Sight {
        match self {
            Sight::Known(_) => Sight::Anything,
            other => other,
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

fn order(left: &Literal, right: &Literal) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Literal::Number(left), Literal::Number(right)) => left.partial_cmp(right),
        (Literal::Text(left), Literal::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn word(condition: &str, op: Op) -> String {
        match outlook(condition, op).expect("it parses") {
            Outlook::Open => "open".to_owned(),
            Outlook::Always => "always".to_owned(),
            Outlook::Never(None) => "never".to_owned(),
            Outlook::Never(Some(Contradiction { first, second })) => {
                format!("never: {} / {}", &condition[first], &condition[second])
            }
            Outlook::Fails(at) => format!("fails: {}", at.map_or("?", |at| &condition[at])),
        }
    }

    #[test]
    fn what_depends_on_the_change_is_left_open() {
        for condition in [
            "before.qty > 0 and after.qty == 0",
            "row.price < 100 or row.price > 200",
            "row.a == 1 and row.b == 2",
            "before.a == 1 and after.a == 2",
            "row.a > 1 and row.a < 2",
            "row.a >= 1 and row.a <= 1",
            "changed('a') and not changed('b')",
            "row.a",
            "row.a is none",
            "'x' in row.tags",
            "row.a | lower == 'x'",
            "row.a != 1 and row.a != 2",
            "table == 'a.b'",
        ] {
            assert_eq!(word(condition, Op::Update), "open", "{condition}");
        }
    }

    #[test]
    fn an_image_that_the_operation_does_not_have_fails() {
        assert_eq!(word("before.a > 1", Op::Create), "fails: before.a");
        assert_eq!(word("row.b == 2 and before.a > 1", Op::Create), "never");
        assert_eq!(word("1 < after.a", Op::Delete), "fails: after.a");
        assert_eq!(word("old('a') == 1", Op::Create), "fails: old('a')");
        assert_eq!(word("delta('a') > 1", Op::Delete), "fails: delta('a')");
        assert_eq!(word("row.a == 1", Op::Truncate), "fails: row.a");
        assert_eq!(word("before.a | float > 1", Op::Read), "fails: before.a");
        assert_eq!(word("op == 'create' or before.a > 1", Op::Create), "always");
        assert_eq!(word("before is not defined or before.a > 1", Op::Create), "always");
        assert_eq!(word("before is defined and before.a > 1", Op::Create), "never");
        assert_eq!(word("before.a | default(0) > 1", Op::Create), "open");
        assert_eq!(word("row.a > 1", Op::Delete), "open");
        assert_eq!(word("changed('a')", Op::Create), "open");
    }

    #[test]
    fn what_is_constant_is_known() {
        assert_eq!(word("true", Op::Update), "always");
        assert_eq!(word("'after.a > 1'", Op::Update), "always");
        assert_eq!(word("1 > 2", Op::Update), "never");
        assert_eq!(word("op == 'u'", Op::Update), "never");
        assert_eq!(word("op in ['create', 'delete']", Op::Update), "never");
        assert_eq!(word("op != 'delete'", Op::Update), "always");
        assert_eq!(word("row.a == 1 if op == 'create' else false", Op::Update), "never");
        assert_eq!(word("not true", Op::Update), "never");
        assert_eq!(word("row.a != row.a", Op::Update), "never");
        assert_eq!(word("after.a > row.a", Op::Update), "never");
        assert_eq!(word("before.a > row.a", Op::Update), "open");
    }

    #[test]
    fn comparisons_that_exclude_each_other_are_found() {
        for (condition, expected) in [
            ("row.a > 5 and row.a < 3", "never: row.a > 5 / row.a < 3"),
            ("row.a > 5 and after.a <= 5", "never: row.a > 5 / after.a <= 5"),
            ("row.a == 'x' and row.b == 1 and row.a == 'y'", "never: row.a == 'x' / row.a == 'y'"),
            ("row.a == 1 and row.a != 1", "never: row.a == 1 / row.a != 1"),
            ("5 < row.a < 4", "never: 5 < row.a / row.a < 4"),
            ("row['a'] == 0 and 0 < row.a", "never: row['a'] == 0 / 0 < row.a"),
            ("table == 'a.b' and table == 'a.c'", "never: table == 'a.b' / table == 'a.c'"),
        ] {
            assert_eq!(word(condition, Op::Update), expected);
        }
    }
}
