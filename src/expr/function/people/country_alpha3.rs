//! `country.alpha3(s)`.

use super::country;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "country.alpha3",
    summary: "the code of three letters (ISO 3166-1) of the country that a code or an English name means",
    signatures: &["country.alpha3(string) -> string"],
    fails: Some("text that means no country, or several"),
    examples: &[
        ("country.alpha3('DE')", "'DEU'"),
        ("country.alpha3('the Netherlands')", "'NLD'"),
        ("country.alpha3('XX')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    country::part(call, arguments, |country| country.alpha3)
}
