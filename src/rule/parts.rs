//! What stands in a condition or a template: the columns it names, its filters and tests, what it compares.
//!
//! For `check`, which looks at expressions without evaluating them.

use super::expr::ExprError;
use super::syntax::{ColumnUse, Image, Literal, is_comparison, literal, mention, range};
use super::vocabulary::{FILTERS, TESTS, exists};
use minijinja::machinery::ast::{CallArg, CompareOpKind, Expr, Stmt};
use minijinja::machinery::{parse, parse_expr};
use std::ops::Range;

/// A comparison of a column with a literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The column.
    pub column: ColumnUse,
    /// What it is compared with.
    pub literal: Literal,
    /// Where the comparison stands.
    pub at: Range<usize>,
}

/// What a word of the language is used for and does not exist, or is used wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where.
    pub at: Range<usize>,
}

/// An expression or a template, taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// Columns in the order in which they are named.
    pub uses: Vec<ColumnUse>,
    /// Comparisons of columns with literals.
    pub comparisons: Vec<Comparison>,
    /// Filters and tests that do not exist, functions that are used like images.
    pub misuses: Vec<Misuse>,
    /// Text in front of the first expression of a template.
    pub lead: String,
    /// The whole is text: nothing in it depends on the change.
    pub literal: bool,
}

impl Parts {
    /// Of a condition.
    pub fn of_condition(text: &str) -> Result<Self, ExprError> {
        let parsed = parse_expr(text).map_err(|error| ExprError::from_engine(&error))?;
        let mut parts = Self::default();
        parts.expression(text, &parsed);
        Ok(parts)
    }

    /// Of a template.
    pub fn of_template(text: &str) -> Result<Self, ExprError> {
        let parsed = parse(text, "template", Default::default()).map_err(|error| ExprError::from_engine(&error))?;
        let mut parts = Self { literal: true, ..Self::default() };
        parts.statement(text, &parsed);
        Ok(parts)
    }

    fn statement(&mut self, text: &str, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(text, &template.children),
            Stmt::EmitRaw(raw) => {
                if self.literal {
                    self.lead.push_str(raw.raw);
                }
            }
            Stmt::EmitExpr(emitted) => {
                self.literal = false;
                self.expression(text, &emitted.expr);
            }
            Stmt::ForLoop(each) => {
                self.literal = false;
                self.expression(text, &each.iter);
                self.expressions(text, &each.filter_expr);
                self.statements(text, &each.body);
                self.statements(text, &each.else_body);
            }
            Stmt::IfCond(branch) => {
                self.literal = false;
                self.expression(text, &branch.expr);
                self.statements(text, &branch.true_body);
                self.statements(text, &branch.false_body);
            }
            Stmt::WithBlock(with) => {
                with.assignments.iter().for_each(|(_, value)| self.expression(text, value));
                self.statements(text, &with.body);
            }
            Stmt::Set(set) => self.expression(text, &set.expr),
            Stmt::SetBlock(set) => {
                self.expressions(text, &set.filter);
                self.statements(text, &set.body);
            }
            Stmt::AutoEscape(block) => self.statements(text, &block.body),
            Stmt::FilterBlock(block) => {
                self.literal = false;
                self.expression(text, &block.filter);
                self.statements(text, &block.body);
            }
            _ => self.literal = false,
        }
    }

    fn statements(&mut self, text: &str, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(text, statement));
    }

    fn expressions<'e, 's: 'e>(&mut self, text: &str, expressions: impl IntoIterator<Item = &'e Expr<'s>>) {
        expressions.into_iter().for_each(|expression| self.expression(text, expression));
    }

    fn expression(&mut self, text: &str, expression: &Expr<'_>) {
        if let Some(mention) = mention(text, expression) {
            self.uses.push(mention);
            return;
        }
        match expression {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expression(text, &slice.expr);
                [&slice.start, &slice.stop, &slice.step].into_iter().for_each(|part| self.expressions(text, part));
            }
            Expr::UnaryOp(op) => self.expression(text, &op.expr),
            Expr::BinOp(op) => {
                self.expression(text, &op.left);
                self.expression(text, &op.right);
                if is_comparison(&op.op) {
                    self.comparison(text, &op.left, &op.right, range(text, expression));
                }
            }
            Expr::Compare(chain) => {
                self.expression(text, &chain.expr);
                let mut left = &chain.expr;
                for next in &chain.ops {
                    self.expression(text, &next.expr);
                    if !matches!(next.op, CompareOpKind::In | CompareOpKind::NotIn) {
                        self.comparison(text, left, &next.expr, range(text, left).start..range(text, &next.expr).end);
                    }
                    left = &next.expr;
                }
            }
            Expr::IfExpr(branch) => {
                self.expression(text, &branch.test_expr);
                self.expression(text, &branch.true_expr);
                self.expressions(text, &branch.false_expr);
            }
            Expr::Filter(filter) => {
                self.expressions(text, &filter.expr);
                self.arguments(text, &filter.args);
                self.word("filter", filter.name, FILTERS, range(text, expression), text);
            }
            Expr::Test(test) => {
                self.expression(text, &test.expr);
                self.arguments(text, &test.args);
                self.word("test", test.name, TESTS, range(text, expression), text);
            }
            Expr::GetAttr(attribute) => {
                self.function(text, &attribute.expr, attribute.name, range(text, expression));
                self.expression(text, &attribute.expr);
            }
            Expr::GetItem(item) => {
                self.expression(text, &item.expr);
                self.expression(text, &item.subscript_expr);
            }
            Expr::Call(call) => {
                self.expression(text, &call.expr);
                self.arguments(text, &call.args);
            }
            Expr::List(list) => self.expressions(text, &list.items),
            Expr::Tuple(tuple) => self.expressions(text, &tuple.items),
            Expr::Map(map) => {
                self.expressions(text, &map.keys);
                self.expressions(text, &map.values);
            }
        }
    }

    fn arguments(&mut self, text: &str, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.expression(text, value);
        }
    }

    fn comparison(&mut self, text: &str, left: &Expr<'_>, right: &Expr<'_>, at: Range<usize>) {
        let found = match (mention(text, left), literal(right), mention(text, right), literal(left)) {
            (Some(mention), Some(literal), ..) | (_, _, Some(mention), Some(literal)) => Some((mention, literal)),
            _ => None,
        };
        let found = found.filter(|(mention, _)| mention.image != Image::Any);
        self.comparisons.extend(found.map(|(mention, literal)| Comparison { column: mention, literal, at }));
    }

    /// The engine looks filters and tests up when it gets to them: a misspelt one fails at run time only.
    fn word(&mut self, what: &str, name: &str, known: &[&str], whole: Range<usize>, text: &str) {
        if known.contains(&name) || exists(what, name) {
            return;
        }
        let hint = match super::nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean {near:?}?")),
            None => Some(format!("there are {}", known.join(", "))),
        };
        let at = text.get(whole.clone()).and_then(|part| Some(whole.start + part.rfind(name)?));
        let at = at.map_or(whole, |start| start..start + name.len());
        self.misuses.push(Misuse { message: format!("there is no {what} {name:?}"), hint, at });
    }

    /// `old.price` looks like `before.price` and is a function without its call.
    fn function(&mut self, text: &str, of: &Expr<'_>, name: &str, at: Range<usize>) {
        let Expr::Var(var) = of else { return };
        let instead = match var.id {
            "old" => format!("before.{name}"),
            "new" => format!("after.{name}"),
            "changed" | "delta" => format!("{}('{name}')", var.id),
            _ => return,
        };
        let written = text.get(at.clone()).unwrap_or(name);
        self.misuses.push(Misuse {
            message: format!("{written:?}: {} is a function", var.id),
            hint: Some(format!("write {instead}")),
            at,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parts: &Parts, text: &str) -> Vec<String> {
        parts.uses.iter().map(|found| format!("{:?} {}", found.image, &text[found.at.clone()])).collect()
    }

    #[test]
    fn columns_are_found_however_they_are_named() {
        let text = "before.a > 0 and (after['b c'] | int in [row.d] or changed('e') and old('f') < key.g + delta('h'))";
        let parts = Parts::of_condition(text).unwrap();
        assert_eq!(names(&parts, text), ["Before a", "After b c", "Row d", "Any e", "Before f", "Key g", "Any h"]);
        let text = "x {% if row.a %}{{ row.b | upper }}{% else %}{% for t in row.tags %}{{ t }}{% endfor %}{% endif %}";
        let parts = Parts::of_template(text).unwrap();
        assert_eq!(names(&parts, text), ["Row a", "Row b", "Row tags"]);
        assert_eq!((parts.lead.as_str(), parts.literal), ("x ", false));
        assert!(Parts::of_template("only words").unwrap().literal);
    }

    #[test]
    fn comparisons_with_literals_are_found_on_either_side() {
        let text = "row.a > 5 and 'x' == before.b and 1 < after.c < 3 and row.d == row.e";
        let found = Parts::of_condition(text).unwrap().comparisons;
        let shown: Vec<_> = found.iter().map(|c| (c.column.column.as_str(), c.literal.clone())).collect();
        assert_eq!(
            shown,
            [
                ("a", Literal::Number(5.0)),
                ("b", Literal::Text("x".to_owned())),
                ("c", Literal::Number(1.0)),
                ("c", Literal::Number(3.0)),
            ]
        );
        assert_eq!(&text[found[1].at.clone()], "'x' == before.b");
    }

    #[test]
    fn what_does_not_exist_is_found_before_it_is_needed() {
        let misuse = |parts: Result<Parts, ExprError>| {
            let found = parts.unwrap().misuses;
            found.into_iter().map(|m| format!("{} / {}", m.message, m.hint.unwrap_or_default())).collect::<Vec<_>>()
        };
        assert_eq!(
            misuse(Parts::of_template("{{ row.a | uper }}")),
            ["there is no filter \"uper\" / did you mean \"upper\"?"]
        );
        assert_eq!(
            misuse(Parts::of_condition("row.a is startswith 'x'")),
            ["there is no test \"startswith\" / did you mean \"startingwith\"?"]
        );
        assert_eq!(
            misuse(Parts::of_condition("old.price > 1 and changed.price")),
            [
                "\"old.price\": old is a function / write before.price",
                "\"changed.price\": changed is a function / write changed('price')"
            ]
        );
        assert!(
            misuse(Parts::of_condition("row.a | length > 1 and row.b is none and row.c is not defined")).is_empty()
        );
    }
}
