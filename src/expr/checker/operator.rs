//! Operators and the types that they take.
//!
//! Numbers of two kinds mix in arithmetic, because the sender's serializer decides whether a price
//! is `10` or `10.5`; two literals of different kinds are a mistake all the same, as in CEL.

use std::sync::Arc;

use super::{Checker, article, range};
use crate::diagnostic::Problem;
use crate::diagnostic::code::expr::{NEVER_EQUAL, WRONG_TYPE};
use crate::expr::Type;
use crate::expr::ast::{Ast, Binary, Literal, Node, Span};

impl Checker<'_> {
    pub(super) fn operator(&mut self, span: Span, sign: Binary, left: &Ast, right: &Ast) -> Type {
        if let Binary::Equal | Binary::NotEqual = sign {
            let (a, b) = (self.of(left), self.of(right));
            if !self.can_equal(&a, &b) {
                self.never_equal(span, sign, (left, &a), (right, &b));
            }
            self.word_among(left, &a, right);
            self.word_among(right, &b, left);
            self.compared_secret(span, left, right);
            self.same_sides(span, sign, left, right);
            return Type::Bool;
        }
        if let (Binary::In, Node::List(elements)) = (sign, &right.node) {
            let of = self.of(left);
            for element in elements {
                self.word_among(left, &of, &element.value);
            }
        }
        let (a, b) = (self.of(left), self.of(right));
        if sign != Binary::In {
            self.must_be_filled(left, &a);
        }
        self.must_be_filled(right, &b);
        self.operands(sign, (left, &a), (right, &b));
        let (a, b) = (a.bare().clone(), b.bare().clone());
        if sign == Binary::Div {
            self.divided(span, (left, &a), (right, &b));
        }
        let result = self.result(sign, &a, &b);
        self.size_below_zero(span, sign, left, right);
        let mixes = matches!(
            sign,
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Rem
        ) && a != b
            && is_number_literal(left)
            && is_number_literal(right);
        match result {
            Some(of) if !mixes => of,
            _ => {
                self.refuse(span, sign, (left, &a), (right, &b));
                Type::Dyn
            }
        }
    }

    /// Notes operands that may be of a type that the operator does not take beside the other.
    fn operands(&mut self, sign: Binary, left: (&Ast, &Type), right: (&Ast, &Type)) {
        for (is_left, (ast, of), (_, other)) in [(true, left, right), (false, right, left)] {
            let other = other.bare().clone();
            let wanted = match (sign, &other) {
                (Binary::In, _) if is_left => continue,
                (Binary::In, _) => "a list or a map".to_owned(),
                (Binary::Mul | Binary::Div | Binary::Rem, _) => "a number".to_owned(),
                (Binary::Sub, other) if is_open(other) => "a number".to_owned(),
                (_, other) if other.is_number() => "a number".to_owned(),
                (_, Type::List(_)) => "a list".to_owned(),
                (_, other) if !is_open(other) => article(other),
                // Nothing says what either must be.
                _ => continue,
            };
            self.may_mismatch(ast, of, &wanted, |checker, of| {
                let (a, b) = if is_left { (of, &other) } else { (&other, of) };
                checker.result(sign, a, b).is_some()
            });
        }
    }

    /// The type of what an operator gives; `None` where it does not take both.
    fn result(&mut self, sign: Binary, a: &Type, b: &Type) -> Option<Type> {
        match sign {
            Binary::Equal | Binary::NotEqual => Some(Type::Bool),
            Binary::In => self.contains(a, b).then_some(Type::Bool),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                has_order(a, b).then_some(Type::Bool)
            }
            Binary::Add => self.add(a, b),
            Binary::Sub => sub(a, b),
            Binary::Mul | Binary::Div => numeric(a, b),
            Binary::Rem if *a == Type::Double || *b == Type::Double => None,
            Binary::Rem => numeric(a, b),
            Binary::Coalesce => Some(self.unifier.join(a, b)),
        }
    }

    pub(super) fn negate(&mut self, part: &Ast) -> Type {
        match self.taken(part, "a number", |_, of| of.is_number()) {
            of @ (Type::Int | Type::Double | Type::Number) => of,
            Type::Dyn | Type::Parameter(_) => Type::Dyn,
            other => {
                let message = format!("`-` does not take {}", article(&other));
                self.problems
                    .push(Problem::error(WRONG_TYPE, range(part.span), message));
                Type::Dyn
            }
        }
    }

    fn can_equal(&mut self, a: &Type, b: &Type) -> bool {
        (is_number(a.unless_null()) && is_number(b.unless_null())) || self.unifier.fits(a, b)
    }

    fn never_equal(&mut self, span: Span, sign: Binary, left: (&Ast, &Type), right: (&Ast, &Type)) {
        let (a, b) = (left.1, right.1);
        if may_be_equal(a, b) {
            let (shown, a, b) = (sign.sign(), article(a), article(b));
            let message = format!("`{shown}` does not compare {a} with {b}");
            self.problems.push(
                Problem::error(WRONG_TYPE, range(span), message)
                    .help("write the numbers of both in one form: all `1`, or all `1.0`"),
            );
            return;
        }
        let always = if sign == Binary::Equal {
            "false"
        } else {
            "true"
        };
        let message = format!(
            "{} and {} are never equal: this is always {always}",
            article(a),
            article(b)
        );
        let problem = Problem::error(NEVER_EQUAL, range(span), message);
        self.problems.push(match (a, b) {
            (Type::Null, _) | (_, Type::Null) => problem.help(
                "a value of this type is never null; to ask whether it is there, write `has(a.b)`",
            ),
            (of, other) | (other, of)
                if *of.bare() == Type::String && *other.unless_null() == Type::Bool =>
            {
                problem.help("write `true` and `false` without quotes")
            }
            (of, other) | (other, of)
                if *of.bare() == Type::String && is_number(other.unless_null()) =>
            {
                match quoted_number(left.0).or_else(|| quoted_number(right.0)) {
                    Some(number) => problem.help(format!("write `{number}` without quotes")),
                    None => problem.help("compare texts, `string(…)`, or numbers, `int(…)`"),
                }
            }
            (Type::Optional(_), _) | (_, Type::Optional(_)) => {
                problem.help("take the value out first: `.orValue(…)` or `??`")
            }
            _ => problem,
        });
    }

    fn contains(&mut self, needle: &Type, hay: &Type) -> bool {
        match hay {
            Type::Dyn | Type::Parameter(_) => true,
            Type::List(of) | Type::Map(of, _) => {
                let of = Type::clone(of);
                self.can_equal(needle, &of)
            }
            Type::Record(_) => self.unifier.fits(needle, &Type::String),
            _ => false,
        }
    }

    fn add(&mut self, a: &Type, b: &Type) -> Option<Type> {
        use Type::{Bytes, Duration, Dyn, List, Parameter, String, Timestamp};
        Some(match (a, b) {
            (String, String | Dyn | Parameter(_)) | (Dyn | Parameter(_), String) => String,
            (Bytes, Bytes | Dyn | Parameter(_)) | (Dyn | Parameter(_), Bytes) => Bytes,
            (List(x), List(y)) => {
                let (x, y) = (Type::clone(x), Type::clone(y));
                List(Arc::new(self.unifier.join(&x, &y)))
            }
            (list @ List(_), Dyn | Parameter(_)) | (Dyn | Parameter(_), list @ List(_)) => {
                list.clone()
            }
            (Timestamp, Duration | Dyn | Parameter(_))
            | (Duration | Dyn | Parameter(_), Timestamp) => Timestamp,
            (Duration, Duration) => Duration,
            (Duration, Dyn | Parameter(_)) | (Dyn | Parameter(_), Duration) => Dyn,
            _ => return numeric(a, b),
        })
    }

    fn refuse(&mut self, span: Span, sign: Binary, left: (&Ast, &Type), right: (&Ast, &Type)) {
        let sign_text = sign.sign();
        let message = if sign == Binary::In {
            format!(
                "`in` looks into a list or a map: {} is not in {}",
                article(left.1),
                article(right.1)
            )
        } else {
            format!(
                "`{sign_text}` does not take {} and {}",
                article(left.1),
                article(right.1)
            )
        };
        let mut problem = Problem::error(WRONG_TYPE, range(span), message);
        let convert = |to: &str, ast: &Ast| format!("write `{to}({})`", self.written(ast.span));
        let help = match (sign, left, right) {
            (_, (ast, Type::String), (_, other)) | (_, (_, other), (ast, Type::String))
                if is_number(other) && quoted_number(ast).is_some() =>
            {
                let number = quoted_number(ast).unwrap_or_default();
                Some(format!("write `{number}` without quotes"))
            }
            (Binary::Add, (text, Type::String), (ast, other))
            | (Binary::Add, (ast, other), (text, Type::String))
                if is_number(other)
                    && is_number_literal(ast)
                    && !matches!(text.node, Node::Literal(_)) =>
            {
                let (text, ast) = (self.written(text.span), self.written(ast.span));
                Some(format!(
                    "write `int({text})` to add numbers, `string({ast})` to put texts together"
                ))
            }
            (Binary::Add, (_, Type::String), (ast, other))
            | (Binary::Add, (ast, other), (_, Type::String))
                if is_scalar(other) =>
            {
                Some(convert("string", ast))
            }
            (Binary::Add | Binary::Sub, (_, Type::Timestamp), (ast, other)) if is_number(other) => {
                let count = self.written(ast.span);
                Some(format!(
                    "write a duration: `duration(\"{count}s\")` for seconds"
                ))
            }
            (_, (ast, Type::String), (_, other)) | (_, (_, other), (ast, Type::String))
                if is_number(other) =>
            {
                let to = match other {
                    Type::Number => "double".to_owned(),
                    other => other.to_string(),
                };
                Some(convert(&to, ast))
            }
            (_, (ast, Type::Optional(_)), _) | (_, _, (ast, Type::Optional(_))) => Some(format!(
                "take the value out of the optional first: `{}.orValue(…)`",
                self.written(ast.span)
            )),
            (_, (a, x), (b, y)) if is_number(x) && is_number(y) && sign != Binary::Rem => {
                let other = if *x == Type::Double { b } else { a };
                Some(convert("double", other))
            }
            _ => None,
        };
        if let Some(help) = help {
            problem = problem.help(help);
        }
        self.problems.push(problem);
    }
}

fn is_number(of: &Type) -> bool {
    of.is_number()
}

fn is_scalar(of: &Type) -> bool {
    is_number(of) || matches!(of, Type::Bool | Type::Timestamp | Type::Duration)
}

/// The number in `"5"`.
fn quoted_number(ast: &Ast) -> Option<&str> {
    match &ast.node {
        Node::Literal(Literal::String(text)) => text.parse::<f64>().ok().map(|_| text.as_str()),
        _ => None,
    }
}

/// Whether two types hold the same but for the kinds of their numbers.
fn may_be_equal(a: &Type, b: &Type) -> bool {
    match (a.unless_null(), b.unless_null()) {
        (a, b) if is_number(a) && is_number(b) => true,
        (Type::List(a), Type::List(b)) => may_be_equal(a, b),
        (Type::Map(k1, v1), Type::Map(k2, v2)) => may_be_equal(k1, k2) && may_be_equal(v1, v2),
        (a, b) => a == b,
    }
}

fn is_number_literal(ast: &Ast) -> bool {
    match &ast.node {
        Node::Literal(literal) => {
            matches!(
                literal,
                Literal::Int(_) | Literal::UInt(_) | Literal::Double(_)
            )
        }
        Node::Negate(part) => is_number_literal(part),
        _ => false,
    }
}

pub(super) fn is_open(of: &Type) -> bool {
    matches!(of, Type::Dyn | Type::Parameter(_))
}

fn numeric(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (a, b) if is_number(a) && is_number(b) => Some(if a == b {
            a.clone()
        } else if *a == Type::Double || *b == Type::Double {
            Type::Double
        } else if *a == Type::Number || *b == Type::Number {
            Type::Number
        } else {
            Type::Int
        }),
        (Type::Double, other) | (other, Type::Double) if is_open(other) => Some(Type::Double),
        (a, b) if is_open(a) && (is_open(b) || is_number(b)) => Some(Type::Dyn),
        (a, b) if is_number(a) && is_open(b) => Some(Type::Dyn),
        _ => None,
    }
}

fn sub(a: &Type, b: &Type) -> Option<Type> {
    use Type::{Duration, Timestamp};
    match (a, b) {
        (Timestamp, Timestamp) | (Duration, Duration) => Some(Duration),
        (Timestamp, Duration) => Some(Timestamp),
        (Timestamp | Duration, other) | (other, Timestamp | Duration) if is_open(other) => {
            Some(Type::Dyn)
        }
        _ => numeric(a, b),
    }
}

fn has_order(a: &Type, b: &Type) -> bool {
    let ordered = |of: &Type| {
        is_number(of)
            || matches!(
                of,
                Type::String | Type::Bytes | Type::Bool | Type::Timestamp | Type::Duration
            )
    };
    match (a, b) {
        (a, b) if is_open(a) => is_open(b) || ordered(b),
        (a, b) if is_open(b) => ordered(a),
        (a, b) => ordered(a) && (a == b || (is_number(a) && is_number(b))),
    }
}
