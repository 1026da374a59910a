//! `duration(x)`.

use crate::expr::function::{Call, Function, Outcome, Prepared};
use crate::value::{Value, convert};

pub(super) const FUNCTION: Function = Function {
    name: "duration",
    summary: "the span of time that a text such as `90s`, `1h30m` or `250ms` means",
    signatures: &[
        "duration(duration) -> duration",
        "duration(string) -> duration",
    ],
    fails: Some("text that is not a duration, or one beyond ten thousand years"),
    examples: &[
        ("duration('1h30m')", "duration('5400s')"),
        ("string(duration('-1.5m'))", "'-90s'"),
        ("duration('1d')", "error"),
    ],
    prepare: Some(prepare),
    run,
};

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    match arguments {
        [Some(text @ Value::String(_))] => match convert::duration(*text) {
            Err(convert::ConvertError::Range(why)) => Err((0, why.to_owned())),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads_scalar(value)?;
    convert::duration(value)
        .map(Value::Duration)
        .map_err(|error| call.unconverted(error))
}
