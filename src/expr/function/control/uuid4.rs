//! `uuid4()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "uuid4",
    summary: "a new random UUID; in a function's tests the same ones in the same order each time",
    signatures: &["uuid4() -> string"],
    fails: None,
    examples: &[("size(uuid4())", "36"), ("uuid4() != uuid4()", "true")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [] = *arguments else {
        return Err(call.no_overload());
    };
    let id = uuid::Builder::from_random_bytes(call.scope.random()).into_uuid();
    call.new_text(id.hyphenated().encode_lower(&mut [0; 36]))
}
