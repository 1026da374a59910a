//! The functions' signatures, read once from the text in which each function states them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::Type;
use super::function;

/// One way to call a function.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    /// As the function states it.
    pub(super) text: &'static str,
    pub(super) is_method: bool,
    /// The receiver first.
    pub(super) parameters: Vec<Type>,
    /// The last parameter may be repeated.
    pub(super) repeats: bool,
    pub(super) result: Type,
}

impl Signature {
    /// Whether a call of this kind with so many arguments can be meant.
    pub(super) fn takes(&self, as_method: bool, arguments: usize) -> bool {
        self.is_method == as_method
            && if self.repeats {
                arguments >= self.parameters.len()
            } else {
                arguments == self.parameters.len()
            }
    }

    /// Whether a parameter is `dyn`, or a list of it.
    pub(super) fn takes_anything(&self) -> bool {
        self.parameters.iter().any(|parameter| match parameter {
            Type::Dyn => true,
            Type::List(of) => **of == Type::Dyn,
            _ => false,
        })
    }
}

/// The signatures of a function.
pub(super) fn of(name: &str) -> impl Iterator<Item = &'static Signature> {
    static ALL: LazyLock<HashMap<&'static str, Vec<Signature>>> = LazyLock::new(|| {
        function::all()
            .iter()
            .map(|function| {
                let signatures = function.signatures.iter();
                let signatures = signatures.filter_map(|text| read(function.name, text));
                (function.name, signatures.collect())
            })
            .collect()
    });
    ALL.get(name).into_iter().flatten()
}

/// Methods of optionals that do not evaluate all of their arguments, and so are no functions.
pub(super) const LAZY: [(&str, &str); 2] = [
    (
        "or",
        "optional_type(A).or(optional_type(A)) -> optional_type(A)",
    ),
    ("orValue", "optional_type(A).orValue(A) -> A"),
];

/// Reads a signature: `string.split(string, int) -> list(string)`.
pub(super) fn read(name: &str, text: &'static str) -> Option<Signature> {
    let (call, result) = text.split_once("->")?;
    let call = call.trim();
    let mut parameters = Vec::new();
    let (is_method, arguments) =
        if let Some(arguments) = call.strip_prefix(name).filter(|rest| rest.starts_with('(')) {
            (false, arguments)
        } else {
            let (receiver, arguments) = call.split_once(&format!(".{name}("))?;
            parameters.push(read_type(receiver)?);
            (true, call.get(call.len() - arguments.len() - 1..)?)
        };
    let arguments = arguments.strip_prefix('(')?.strip_suffix(')')?;
    let mut repeats = false;
    for argument in split(arguments) {
        let argument = argument.strip_suffix("...").map_or(argument, |repeated| {
            repeats = true;
            repeated
        });
        parameters.push(read_type(argument)?);
    }
    Some(Signature {
        text,
        is_method,
        parameters,
        repeats,
        result: read_type(result)?,
    })
}

/// Reads a type: `map(string, list(A))`.
pub(super) fn read_type(text: &str) -> Option<Type> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name, split(rest.strip_suffix(')')?)),
        None => (text, Vec::new()),
    };
    let mut arguments = arguments.into_iter().map(read_type);
    let mut next = || arguments.next().unwrap_or(Some(Type::Dyn)).map(Arc::new);
    Some(match name {
        "dyn" | "any" => Type::Dyn,
        "null" | "null_type" => Type::Null,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::UInt,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        "list" => Type::List(next()?),
        "map" => Type::Map(next()?, next()?),
        "optional_type" | "optional" => Type::Optional(next()?),
        "type" => Type::Type(next()?),
        "param" => {
            let inner = text.strip_prefix("param(")?.strip_suffix(')')?;
            Type::Parameter(letter(inner)?)
        }
        _ => match letter(name) {
            Some(letter) => Type::Parameter(letter),
            None => Type::Opaque(name.into(), arguments.collect::<Option<Vec<_>>>()?.into()),
        },
    })
}

/// `A` is 0.
fn letter(name: &str) -> Option<u32> {
    match name.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(u32::from(letter - b'A')),
        _ => None,
    }
}

/// Splits at the commas that stand outside brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text.get(start..).unwrap_or_default();
    if !last.trim().is_empty() {
        parts.push(last);
    }
    parts.into_iter().map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_states_signatures_that_can_be_read() {
        for function in function::all() {
            for text in function.signatures {
                assert!(read(function.name, text).is_some(), "{text}");
            }
        }
    }

    #[test]
    fn receivers_and_name_spaces_are_told_apart() {
        let check = |name: &str, text: &'static str, is_method: bool, parameters: usize| {
            let signature = read(name, text).unwrap();
            assert_eq!(
                (signature.is_method, signature.parameters.len()),
                (is_method, parameters),
                "{text}"
            );
        };
        check("math.abs", "math.abs(int) -> int", false, 1);
        check("trim", "string.trim() -> string", true, 1);
        check("size", "size(map(A, B)) -> int", false, 1);
        check("keys", "map(A, B).keys() -> list(A)", true, 1);
    }
}
