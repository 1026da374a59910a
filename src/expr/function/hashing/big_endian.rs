//! `big_endian(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "big_endian",
    summary: "the whole number that up to eight bytes are, the highest first: a checksum as its decimal number",
    signatures: &["big_endian(bytes) -> int"],
    fails: Some("more than eight bytes, or a number above int's range"),
    examples: &[
        ("big_endian(crc32('123456789'))", "3421780262"),
        ("big_endian(b'123456789')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Bytes(bytes)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(bytes.len())?;
    if bytes.len() > size_of::<u64>() {
        return Err(call.bad(format_args!("more than eight bytes")));
    }
    let number = bytes
        .iter()
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    match i64::try_from(number) {
        Ok(number) => Ok(Value::Int(number)),
        Err(_) => Err(call.bad(format_args!("the number is above int's range"))),
    }
}
