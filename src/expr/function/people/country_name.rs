//! `country.name(s)`.

use super::country;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "country.name",
    summary: "the English name (ISO 3166-1) of the country that a code or another name means",
    signatures: &["country.name(string) -> string"],
    fails: Some("text that means no country, or several"),
    examples: &[
        ("country.name('de')", "'Germany'"),
        ("country.name('USA')", "'United States of America'"),
        ("country.name('Korea')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    country::part(call, arguments, |country| country.name)
}
