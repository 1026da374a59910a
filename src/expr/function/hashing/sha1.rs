//! `sha1(x)`.

use super::digest;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use sha1::Sha1;

pub(super) const FUNCTION: Function = Function {
    name: "sha1",
    summary: "the SHA1 digest of bytes, or of the UTF-8 of a text, for peers that ask for it; it protects nothing",
    signatures: &["sha1(bytes) -> bytes", "sha1(string) -> bytes"],
    fails: None,
    examples: &[(
        "hex.encode(sha1('hello'))",
        "'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d'",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    digest::<Sha1>(call, arguments)
}
