//! `md5(x)`.

use super::digest;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use md5::Md5;

pub(super) const FUNCTION: Function = Function {
    name: "md5",
    summary: "the MD5 digest of bytes, or of the UTF-8 of a text, for peers that ask for it; it protects nothing",
    signatures: &["md5(bytes) -> bytes", "md5(string) -> bytes"],
    fails: None,
    examples: &[(
        "hex.encode(md5('hello'))",
        "'5d41402abc4b2a76b9719d911017c592'",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    digest::<Md5>(call, arguments)
}
