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
        let (a, b) = (self.of(left), self.of(right));
        let result = match sign {
            Binary::Equal | Binary::NotEqual => {
                if !self.can_equal(&a, &b) {
                    self.never_equal(span, sign, &a, &b);
                }
                return Type::Bool;
            }
            Binary::In => self.contains(&a, &b).then_some(Type::Bool),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                has_order(&a, &b).then_some(Type::Bool)
            }
            Binary::Add => self.add(&a, &b),
            Binary::Sub => sub(&a, &b),
            Binary::Mul | Binary::Div => numeric(&a, &b),
            Binary::Rem if a == Type::Double || b == Type::Double => None,
            Binary::Rem => numeric(&a, &b),
            Binary::Coalesce => Some(self.unifier.join(&a, &b)),
        };
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

    pub(super) fn negate(&mut self, part: &Ast) -> Type {
        match self.of(part) {
            of @ (Type::Int | Type::Double) => of,
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
        (is_number(a) && is_number(b)) || self.unifier.fits(a, b)
    }

    fn never_equal(&mut self, span: Span, sign: Binary, a: &Type, b: &Type) {
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
            (Type::String, other) | (other, Type::String) if is_number(other) => {
                problem.help("compare texts, `string(…)`, or numbers, `int(…)`")
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
            (Binary::Add, (_, Type::String), (ast, other))
            | (Binary::Add, (ast, other), (_, Type::String))
                if is_scalar(other) =>
            {
                Some(convert("string", ast))
            }
            (_, (ast, Type::String), (_, other)) | (_, (_, other), (ast, Type::String))
                if is_number(other) =>
            {
                Some(convert(&other.to_string(), ast))
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

pub(super) fn is_number(of: &Type) -> bool {
    matches!(of, Type::Int | Type::UInt | Type::Double)
}

fn is_scalar(of: &Type) -> bool {
    is_number(of) || matches!(of, Type::Bool | Type::Timestamp | Type::Duration)
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

fn is_open(of: &Type) -> bool {
    matches!(of, Type::Dyn | Type::Parameter(_))
}

fn numeric(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (a, b) if is_number(a) && is_number(b) => Some(if a == b {
            a.clone()
        } else if *a == Type::Double || *b == Type::Double {
            Type::Double
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
