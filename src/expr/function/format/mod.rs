//! Text of other languages to values and back.

use super::{Call, Function, Outcome};
use crate::value::Value;

mod csv;
mod form;
mod json;
mod query;
mod to_form;
mod to_json;
mod url;
mod xml;
mod yaml;

pub(super) const ALL: &[&Function] = &[
    &csv::FUNCTION,
    &form::FUNCTION,
    &json::FUNCTION,
    &query::FUNCTION,
    &to_form::FUNCTION,
    &to_json::FUNCTION,
    &url::FUNCTION,
    &xml::FUNCTION,
    &yaml::FUNCTION,
];

/// The fields of a form-encoded text.
fn fields<'a>(call: &Call<'_, 'a>, text: &str) -> Outcome<'a> {
    call.makes(text.len())?;
    let mut fields = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        call.makes_map(1)?;
        fields.push((
            call.arena().string(&name),
            Value::String(call.arena().string(&value)),
        ));
    }
    Ok(call.arena().multi(&fields))
}
