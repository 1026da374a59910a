//! `secure_equal(a, b)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use subtle::ConstantTimeEq;

pub(super) const FUNCTION: Function = Function {
    name: "secure_equal",
    summary: "whether two texts or byte strings are the same, in a time that does not tell where they differ; for secrets and signatures",
    signatures: &[
        "secure_equal(string, string) -> bool",
        "secure_equal(bytes, bytes) -> bool",
    ],
    fails: None,
    examples: &[
        ("secure_equal('abc', 'abc')", "true"),
        ("secure_equal(b'abc', b'abd')", "false"),
        ("secure_equal('a', 'ab')", "false"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (a, b) = match *arguments {
        [Value::String(a), Value::String(b)] => (a.as_bytes(), b.as_bytes()),
        [Value::Bytes(a), Value::Bytes(b)] => (a, b),
        _ => return Err(call.no_overload()),
    };
    call.reads(a.len())?;
    Ok(Value::Bool(a.ct_eq(b).into()))
}
