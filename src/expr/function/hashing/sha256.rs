//! `sha256(x)`.

use super::digest;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use sha2::Sha256;

pub(super) const FUNCTION: Function = Function {
    name: "sha256",
    summary: "the SHA256 digest of bytes, or of the UTF-8 of a text",
    signatures: &["sha256(bytes) -> bytes", "sha256(string) -> bytes"],
    fails: None,
    examples: &[(
        "hex.encode(sha256('hello'))",
        "'2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'",
    )],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    digest::<Sha256>(call, arguments)
}
