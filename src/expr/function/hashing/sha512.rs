//! `sha512(x)`.

use super::digest;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use sha2::Sha512;

pub(super) const FUNCTION: Function = Function {
    name: "sha512",
    summary: "the SHA512 digest of bytes, or of the UTF-8 of a text",
    signatures: &["sha512(bytes) -> bytes", "sha512(string) -> bytes"],
    fails: None,
    examples: &[("size(sha512(b'hello'))", "64")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    digest::<Sha512>(call, arguments)
}
