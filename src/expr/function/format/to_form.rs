//! `to_form(m)`.

use crate::expr::Fault;
use crate::expr::function::Buffer;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::convert;

pub(super) const FUNCTION: Function = Function {
    name: "to_form",
    summary: "the entries of a map as form-encoded text; an item of a list is a field of its own",
    signatures: &["to_form(map(string, dyn)) -> string"],
    fails: Some("a value that is not text, a number, a Boolean, null or a list of these"),
    examples: &[
        (
            "to_form({'a': 1, 'b': ['x y', true], 'c': null})",
            "'a=1&b=x+y&b=true&c='",
        ),
        ("to_form({'a': {}})", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Map(map)] = *arguments else {
        return Err(call.no_overload());
    };
    let mut out = Buffer::new(call);
    for (key, value) in map.entries() {
        let items = match &value {
            Value::List(items) => items,
            value => std::slice::from_ref(value),
        };
        for item in items {
            if matches!(
                item,
                Value::List(_) | Value::Map(_) | Value::Optional(_) | Value::Type(_)
            ) {
                return Err(call.bad(format_args!(
                    "`{key}` is {}, which a form cannot hold",
                    item.type_name()
                )));
            }
            if !out.is_empty() {
                out.push("&")?;
            }
            encode(&mut out, &key.to_string())?;
            out.push("=")?;
            match item {
                Value::String(text) => encode(&mut out, text)?,
                Value::Null => {}
                other => {
                    let mut text = String::new();
                    // A string takes everything.
                    let _ = convert::write_scalar(*other, &mut text);
                    encode(&mut out, &text)?;
                }
            }
        }
    }
    Ok(out.finish())
}

fn encode<'a>(out: &mut Buffer<'_, '_, 'a>, text: &str) -> Result<(), Fault<'a>> {
    form_urlencoded::byte_serialize(text.as_bytes()).try_for_each(|part| out.push(part))
}
