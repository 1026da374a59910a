//! `size(x)`: of text, bytes, lists and maps.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "size",
    summary: "how many characters, bytes, items or entries there are",
    signatures: &[
        "size(string) -> int",
        "size(bytes) -> int",
        "size(list(A)) -> int",
        "size(map(A, B)) -> int",
        "string.size() -> int",
        "bytes.size() -> int",
        "list(A).size() -> int",
        "map(A, B).size() -> int",
    ],
    fails: None,
    examples: &[
        ("size('πέντε')", "5"),
        ("b'abc'.size()", "3"),
        ("size([1, 2, 3])", "3"),
        ("{'a': 1}.size()", "1"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let size = match *arguments {
        [Value::String(text)] => {
            call.reads(text.len())?;
            text.chars().count()
        }
        [Value::Bytes(bytes)] => bytes.len(),
        [Value::List(items)] => items.len(),
        [Value::Map(map)] => {
            let size = map.len();
            if map.may_repeat() {
                call.scope.charge_steps(size as u64)?;
            }
            size
        }
        _ => return Err(call.no_overload()),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}
