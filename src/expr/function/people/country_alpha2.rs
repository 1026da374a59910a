//! `country.alpha2(s)`.

use super::country;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "country.alpha2",
    summary: "the code of two letters (ISO 3166-1) of the country that a code or an English name means",
    signatures: &["country.alpha2(string) -> string"],
    fails: Some("text that means no country, or several"),
    examples: &[
        ("country.alpha2('Germany')", "'DE'"),
        ("country.alpha2('gbr')", "'GB'"),
        ("country.alpha2('840')", "'US'"),
        ("country.alpha2('Atlantis')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    country::part(call, arguments, |country| country.alpha2)
}
