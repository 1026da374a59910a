//! `crc32(x)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::convert;

pub(super) const FUNCTION: Function = Function {
    name: "crc32",
    summary: "the CRC-32 checksum (as of zip) of bytes, or of the UTF-8 of a text: four bytes, the highest first",
    signatures: &["crc32(bytes) -> bytes", "crc32(string) -> bytes"],
    fails: None,
    examples: &[("hex.encode(crc32('123456789'))", "'cbf43926'")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let bytes = convert::bytes(value).map_err(|error| call.unconverted(error))?;
    call.reads(bytes.len())?;
    call.new_bytes(&crc32fast::hash(bytes).to_be_bytes())
}
