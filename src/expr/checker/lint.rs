//! What is allowed, and probably not meant.
//!
//! Each says what to write instead, or how to write that it is meant.

use super::operator::is_open;
use super::{Checker, range};
use crate::diagnostic::code::expr::{
    COMPARED_SECRET, CONSTANT_CONDITION, NEVER_EQUAL, UNANCHORED, WHOLE_DIVISION,
};
use crate::diagnostic::{Problem, suggest};
use crate::expr::Type;
use crate::expr::ast::{Ast, Binary, Literal, Node, Span};

impl Checker<'_> {
    /// A condition that reads nothing.
    pub(super) fn constant_condition(&mut self, part: &Ast) {
        if let Node::Literal(Literal::Bool(flag)) = part.node {
            let message = format!("this condition is always {flag}");
            self.problems.push(Problem::warning(
                CONSTANT_CONDITION,
                range(part.span),
                message,
            ));
        } else if is_constant(part) {
            let message = "this condition is always the same: it reads nothing of the request";
            self.problems.push(Problem::warning(
                CONSTANT_CONDITION,
                range(part.span),
                message,
            ));
        }
    }

    /// `x == "a" && x == "b"`, `x != "a" || x != "b"`, `x > 5 && x < 3`.
    pub(super) fn contradictions(&mut self, parts: &[Ast], is_and: bool) {
        let mut known: Vec<(String, Binary, &Literal, &Ast)> = Vec::new();
        for part in parts {
            let Some((path, sign, literal)) = self.compared_with(part) else {
                continue;
            };
            let other = known.iter().find(|(known, before, value, _)| {
                *known == path
                    && if is_and {
                        exclude((*before, value), (sign, literal))
                    } else {
                        (*before, sign) == (Binary::NotEqual, Binary::NotEqual)
                            && differ(value, literal)
                    }
            });
            let Some(&(_, before, _, first)) = other else {
                known.push((path, sign, literal, part));
                continue;
            };
            let whole = (first.span.0, part.span.1);
            let (a, b) = (self.written(first.span), self.written(part.span));
            let problem = if is_and {
                let message = format!("this is never true: `{a}` and `{b}` exclude each other");
                let problem = Problem::warning(CONSTANT_CONDITION, range(whole), message);
                if (before, sign) == (Binary::Equal, Binary::Equal) {
                    problem.help("to accept either, write `||`, or `x in [a, b]`")
                } else {
                    problem.help("to accept either, write `||`")
                }
            } else {
                let message = format!("this is always true: where `{a}` is false, `{b}` is true");
                Problem::warning(CONSTANT_CONDITION, range(whole), message)
                    .help("to refuse both, write `&&`, or `!(x in [a, b])`")
            };
            self.problems.push(problem);
            return;
        }
    }

    /// The path, the sign and the literal of a comparison; turned so that the path stands left.
    fn compared_with<'a>(&self, ast: &'a Ast) -> Option<(String, Binary, &'a Literal)> {
        let Node::Binary(sign, left, right) = &ast.node else {
            return None;
        };
        match (&left.node, &right.node) {
            (_, Node::Literal(literal)) => Some((self.path(left)?, *sign, literal)),
            (Node::Literal(literal), _) => {
                let sign = match sign {
                    Binary::Less => Binary::Greater,
                    Binary::LessEqual => Binary::GreaterEqual,
                    Binary::Greater => Binary::Less,
                    Binary::GreaterEqual => Binary::LessEqual,
                    sign => *sign,
                };
                Some((self.path(right)?, sign, literal))
            }
            _ => None,
        }
    }

    /// `body.a == body.a`
    pub(super) fn same_sides(&mut self, span: Span, sign: Binary, left: &Ast, right: &Ast) {
        let (a, b) = (self.path(left), self.path(right));
        if a.is_none() || a != b {
            return;
        }
        let always = sign == Binary::Equal;
        let message = format!("this condition is always {always}: both sides are the same");
        let problem = Problem::warning(CONSTANT_CONDITION, range(span), message);
        self.problems.push(problem);
    }

    /// `size(x) >= 0`
    pub(super) fn size_below_zero(&mut self, span: Span, sign: Binary, left: &Ast, right: &Ast) {
        let is_size = |ast: &Ast| matches!(&ast.node, Node::Call(call) if call.name == "size");
        let is_zero = |ast: &Ast| matches!(ast.node, Node::Literal(Literal::Int(0)));
        let always = match sign {
            Binary::GreaterEqual if is_size(left) && is_zero(right) => true,
            Binary::LessEqual if is_zero(left) && is_size(right) => true,
            Binary::Less if is_size(left) && is_zero(right) => false,
            Binary::Greater if is_zero(left) && is_size(right) => false,
            _ => return,
        };
        let message = format!("this condition is always {always}: a size is never below 0");
        let problem = Problem::warning(CONSTANT_CONDITION, range(span), message);
        self.problems
            .push(problem.help("to ask whether there is something, write `> 0`"));
    }

    /// `body.action == "opend"`, where the schema lists all words.
    pub(super) fn word_among(&mut self, ast: &Ast, of: &Type, other: &Ast) {
        let (Type::Word(words), Node::Literal(Literal::String(text))) =
            (of.unless_null(), &other.node)
        else {
            return;
        };
        if words.iter().any(|word| word == text) {
            return;
        }
        let message = format!("`{}` is never {text:?}", self.written(ast.span));
        let problem = Problem::error(NEVER_EQUAL, range(other.span), message);
        let near = suggest::nearest(text, words.iter().map(String::as_str));
        self.problems.push(if let Some(near) = near {
            problem.help(format!("did you mean {near:?}?"))
        } else {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            problem.help(format!("it is one of {}", words.join(", ")))
        });
    }

    /// `headers["x-signature"] == expected`: how long it takes tells how much is right.
    pub(super) fn compared_secret(&mut self, span: Span, left: &Ast, right: &Ast) {
        let is_open_text = |ast: &Ast| match &ast.node {
            // Whether it is there at all is no secret.
            Node::Literal(Literal::String(text)) => text.is_empty(),
            Node::Literal(_) => true,
            _ => false,
        };
        if is_open_text(left) || is_open_text(right) {
            return;
        }
        let Some(name) = [left, right].into_iter().find_map(secret_name) else {
            return;
        };
        let (a, b) = (self.written(left.span), self.written(right.span));
        let help = format!("write `secure_equal({a}, {b})`");
        let message = format!(
            "`{name}` may be a secret, and how long this comparison takes tells how much of it is right"
        );
        let problem = Problem::warning(COMPARED_SECRET, range(span), message);
        self.problems.push(problem.help(help));
    }

    /// `total / 100` of whole numbers.
    pub(super) fn divided(&mut self, span: Span, left: (&Ast, &Type), right: (&Ast, &Type)) {
        let is_whole = |of: &Type| *of == Type::Int || *of == Type::UInt;
        let may_be_whole = |of: &Type| is_whole(of) || *of == Type::Number || is_open(of);
        if !(is_whole(right.1) && may_be_whole(left.1)) {
            return;
        }
        let names = [left.0, right.0].into_iter().filter_map(last_name);
        let Some(name) = names.into_iter().find(|name| is_of_money(name)) else {
            self.divisions.push(range(span));
            return;
        };
        self.problems
            .push(whole_division(range(span), &name, is_whole(left.1)));
    }

    /// What is odd about a call that is right.
    pub(super) fn linted(&mut self, name: &str, parts: &[&Ast]) {
        if name == "matches"
            && let [text, pattern] = parts
            && let Node::Literal(Literal::String(regex)) = &pattern.node
            && !matches!(text.node, Node::Literal(_))
            && !is_anchored(regex)
        {
            let problem = Problem::warning(
                UNANCHORED,
                range(pattern.span),
                "this is found anywhere in the text, whatever stands around it",
            );
            self.problems.push(
                problem
                    .help("to match the whole text, begin with `^` and end with `$`")
                    .help("to find it anywhere, say so: begin or end with `.*`"),
            );
        }
    }
}

/// The warning about a division whose cents matter.
pub fn whole_division(range: std::ops::Range<usize>, name: &str, is_whole: bool) -> Problem {
    let is = if is_whole { "is" } else { "may be" };
    let message = format!("`{name}` {is} divided as a whole number: 1050 / 100 is 10");
    Problem::warning(WHOLE_DIVISION, range, message)
        .help("to keep the cents, divide by a double: `/ 100.0`")
}

/// Whether two literals of one kind are different.
fn differ(a: &Literal, b: &Literal) -> bool {
    match (a, b) {
        (Literal::Int(a), Literal::Int(b)) => a != b,
        (Literal::String(a), Literal::String(b)) => a != b,
        (Literal::Bool(a), Literal::Bool(b)) => a != b,
        _ => false,
    }
}

/// Whether no value compares with both literals as is said.
fn exclude(one: (Binary, &Literal), other: (Binary, &Literal)) -> bool {
    use Binary::{Equal, Greater, GreaterEqual, Less, LessEqual};
    if (one.0, other.0) == (Equal, Equal) {
        return differ(one.1, other.1);
    }
    let (Literal::Int(a), Literal::Int(b)) = (one.1, other.1) else {
        return false;
    };
    match (one.0, other.0) {
        (Greater, Less | LessEqual | Equal) | (GreaterEqual | Equal, Less) => a >= b,
        (GreaterEqual, LessEqual | Equal) | (Equal, LessEqual) => a > b,
        (Less, Greater | GreaterEqual | Equal) | (LessEqual | Equal, Greater) => a <= b,
        (LessEqual, GreaterEqual | Equal) | (Equal, GreaterEqual) => a < b,
        _ => false,
    }
}

/// Whether nothing of the request is in it, and nothing that differs from call to call.
pub(super) fn is_constant(ast: &Ast) -> bool {
    match &ast.node {
        Node::Literal(_) => true,
        Node::Name { .. } | Node::Query(_) | Node::Message(_) | Node::Fold(_) | Node::Call(_) => {
            false
        }
        node => {
            let mut is_constant = true;
            node.each_part(&mut |part| is_constant &= self::is_constant(part));
            is_constant
        }
    }
}

/// Whether a regex says where in the text it must match, or that it may be anywhere.
fn is_anchored(regex: &str) -> bool {
    // Flags in front, as in `(?i)^yes$`, and groups around.
    let mut start = regex;
    while let Some(rest) = start.strip_prefix('(') {
        start = match rest.strip_prefix('?') {
            Some(flags) => flags
                .split_once([')', ':', '>'])
                .map_or("", |(_, rest)| rest),
            None => rest,
        };
    }
    let end = regex.trim_end_matches(')');
    ["^", r"\A", ".*"]
        .iter()
        .any(|sign| start.starts_with(sign))
        || (end.ends_with('$') && !end.ends_with(r"\$"))
        || [r"\z", ".*"].iter().any(|sign| end.ends_with(sign))
}

/// The name of what is read, if it is that of a secret: `x-hub-signature`.
fn secret_name(ast: &Ast) -> Option<String> {
    const WORDS: [&str; 10] = [
        "signature",
        "secret",
        "token",
        "password",
        "passwd",
        "apikey",
        "hmac",
        "digest",
        "sig",
        "passphrase",
    ];
    let name = match &ast.node {
        Node::Call(call) if call.name == "hmac" => return Some("hmac".to_owned()),
        // `hex.encode(hmac(…))`, `x.lowerAscii()`: what goes in.
        Node::Call(call) => {
            return call.args.iter().chain(&call.target).find_map(secret_name);
        }
        Node::Binary(_, left, right) => {
            return secret_name(left).or_else(|| secret_name(right));
        }
        _ => last_name(ast)?,
    };
    let words = words(&name);
    let is_key = words.windows(2).any(|pair| pair == ["api", "key"]);
    (is_key || words.iter().any(|word| WORDS.contains(&word.as_str()))).then_some(name)
}

/// Whether a name is that of an amount of money.
pub fn is_of_money(name: &str) -> bool {
    const WORDS: [&str; 11] = [
        "amount", "amounts", "price", "prices", "total", "totals", "subtotal", "cost", "fee",
        "tax", "balance",
    ];
    words(name)
        .iter()
        .any(|word| WORDS.contains(&word.as_str()))
}

/// The last name of an access: `price` of `item.price`, `x-token` of `headers["x-token"]`.
fn last_name(ast: &Ast) -> Option<String> {
    match &ast.node {
        Node::Name { name, .. } => Some(name.clone()),
        Node::Select { field, .. } => Some(field.clone()),
        Node::Index { object, index, .. } => match &index.node {
            Node::Literal(Literal::String(name)) => Some(name.clone()),
            _ => last_name(object),
        },
        Node::Binary(_, left, _) => last_name(left),
        Node::Query(text) => Some(text.rsplit(['.', '\'', '"']).next()?.to_owned()),
        Node::Call(call) => call.target.iter().chain(&call.args).find_map(last_name),
        _ => None,
    }
}

/// The words of a name, in lower case: `amountDue`, `amount_due` and `amount-due` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_found_behind_flags_and_groups() {
        for (regex, anchored) in [
            ("^a", true),
            ("a$", true),
            (r"a\$", false),
            ("a", false),
            ("(?i)^a", true),
            ("(?:^a|^b)", true),
            (r"\Aa\z", true),
            (".*a", true),
            ("(a$)", true),
            ("", false),
        ] {
            assert_eq!(is_anchored(regex), anchored, "{regex}");
        }
    }

    #[test]
    fn names_are_split_into_words() {
        for (name, split) in [
            ("amount_due", ["amount", "due"]),
            ("amountDue", ["amount", "due"]),
            ("Amount-Due", ["amount", "due"]),
        ] {
            assert_eq!(words(name), split, "{name}");
        }
        assert!(is_of_money("unitPrice") && !is_of_money("priced") && !is_of_money(""));
    }
}
