//! `uuid7()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "uuid7",
    summary: "a new UUID that sorts by the time of the request; in a function's tests the same ones in the same order each time",
    signatures: &["uuid7() -> string"],
    fails: None,
    examples: &[("size(uuid7())", "36"), ("uuid7() != uuid7()", "true")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [] = *arguments else {
        return Err(call.no_overload());
    };
    let milliseconds = u64::try_from(call.scope.now().as_millisecond()).unwrap_or(0);
    let [random @ .., _, _, _, _, _, _] = call.scope.random();
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
    call.new_text(id.hyphenated().encode_lower(&mut [0; 36]))
}
