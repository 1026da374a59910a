//! `sha384(x)`.

use super::digest;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use sha2::Sha384;

pub(super) const FUNCTION: Function = Function {
    name: "sha384",
    summary: "the SHA384 digest of bytes, or of the UTF-8 of a text",
    signatures: &["sha384(bytes) -> bytes", "sha384(string) -> bytes"],
    fails: None,
    examples: &[("size(sha384(b'hello'))", "48")],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    digest::<Sha384>(call, arguments)
}
