//! `xml(s)`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use crate::value::xml;

pub(super) const FUNCTION: Function = Function {
    name: "xml",
    summary: "the value of an XML text: elements are maps, attributes `@name`, text `#text` or the string itself, repeated elements lists",
    signatures: &["xml(string) -> dyn"],
    fails: Some("text that is not well-formed, or has a document type"),
    examples: &[
        (
            "xml('<a id=\"7\"><b>1</b><b>2</b></a>')",
            "{'a': {'@id': '7', 'b': ['1', '2']}}",
        ),
        ("xml('<a>')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len().saturating_mul(4))?;
    // No tag is shorter than four characters, no attribute than five.
    let values = text
        .bytes()
        .filter(|byte| matches!(byte, b'<' | b'='))
        .count()
        + 1;
    call.makes(text.len())?;
    call.makes_map(values)?;
    xml::read(text, call.arena(), xml::DEPTH)
        .map_err(|error| call.bad(format_args!("not XML: {error}")))
}
