//! `x.compact()`: of lists and maps.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "compact",
    summary: "the list or map without what is null, empty text, or an empty optional",
    signatures: &[
        "list(A).compact() -> list(A)",
        "map(A, B).compact() -> map(A, B)",
        "compact(list(A)) -> list(A)",
        "compact(map(A, B)) -> map(A, B)",
    ],
    fails: None,
    examples: &[
        ("[1, null, '', 2].compact()", "[1, 2]"),
        ("{'a': null, 'b': 0}.compact()", "{'b': 0}"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let keeps = |value: &Value<'_>| {
        !matches!(
            value,
            Value::Null | Value::String("") | Value::Optional(None)
        )
    };
    match *arguments {
        [Value::List(items)] => {
            call.makes_list(items.len())?;
            let kept: Vec<_> = items.iter().copied().filter(keeps).collect();
            Ok(call.arena().list(&kept))
        }
        [Value::Map(map)] => {
            call.makes_map(map.len())?;
            let kept: Vec<_> = map.iter().filter(|(_, value)| keeps(value)).collect();
            Ok(call.arena().keyed(&kept))
        }
        _ => Err(call.no_overload()),
    }
}
