//! `to_json(v[, indent])`.

use crate::expr::Fault;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::json;

pub(super) const FUNCTION: Function = Function {
    name: "to_json",
    summary: "the value as JSON text, in one line or indented by so many spaces",
    signatures: &["to_json(dyn) -> string", "to_json(dyn, int) -> string"],
    fails: Some(
        "a value that JSON does not have: NaN, an infinity, a type; or an indent outside 0 to 16",
    ),
    examples: &[
        (
            "to_json({'a': [1, 2.0, null, 'x']})",
            "'{\"a\":[1,2.0,null,\"x\"]}'",
        ),
        ("to_json([1], 2)", "'[\\n  1\\n]'"),
        ("to_json(0.0 / 0.0)", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (value, indent) = match *arguments {
        [value] => (value, None),
        [value, Value::Int(indent)] => (value, Some(indent)),
        _ => return Err(call.no_overload()),
    };
    let indent = match indent.map(usize::try_from) {
        None => None,
        Some(Ok(indent)) if indent <= 16 => Some(indent),
        Some(_) => return Err(call.bad(format_args!("the indent is not within 0 and 16"))),
    };
    // Going over the value first stops one whose parts are shared so often that its text would
    // be beyond all measure.
    let most = size(call, value, indent.unwrap_or(0), 1)?;
    call.makes(most)?;
    let mut text = Vec::new();
    let written = match indent {
        None => json::write(value, &mut text),
        Some(indent) => json::write_indented(value, indent, &mut text),
    };
    written.map_err(|error| call.bad(format_args!("{error}")))?;
    let text = std::str::from_utf8(&text).map_err(|_| call.no_overload())?;
    Ok(Value::String(call.arena().string(text)))
}

/// About how long the text will be, but for escapes. Pays a step for each part.
fn size<'a>(
    call: &Call<'_, 'a>,
    value: Value<'_>,
    indent: usize,
    level: usize,
) -> Result<usize, Fault<'a>> {
    call.scope.charge_steps(1)?;
    let line = 2 + if indent > 0 { indent * level } else { 0 };
    Ok(match value {
        Value::String(text) | Value::Number(text) => text.len() + 2,
        Value::Bytes(bytes) => bytes.len() / 3 * 4 + 6,
        Value::List(items) => {
            let mut sum = line;
            for item in items {
                sum =
                    sum.saturating_add(line)
                        .saturating_add(size(call, *item, indent, level + 1)?);
            }
            sum
        }
        Value::Map(map) => {
            let mut sum = line;
            for (key, value) in map.iter() {
                let name = key.as_str().map_or(20, str::len);
                sum = sum.saturating_add(line + name + 4).saturating_add(size(
                    call,
                    value,
                    indent,
                    level + 1,
                )?);
            }
            sum
        }
        Value::Optional(Some(value)) => size(call, *value, indent, level)?,
        _ => 24,
    })
}
