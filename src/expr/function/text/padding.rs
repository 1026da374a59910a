//! What `pad_start` and `pad_end` put beside a text.

use crate::expr::Fault;
use crate::expr::function::{Buffer, Call};
use crate::value::Value;

/// So many characters of a text that is repeated.
pub(super) struct Padding<'a> {
    fill: &'a str,
    count: usize,
}

/// The text, and what it lacks to the length asked for.
pub(super) fn padding<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
) -> Result<(&'a str, Padding<'a>), Fault<'a>> {
    let (text, length, fill) = match *arguments {
        [Value::String(text), Value::Int(length)] => (text, length, " "),
        [Value::String(text), Value::Int(length), Value::String(fill)] => (text, length, fill),
        _ => return Err(call.no_overload()),
    };
    if fill.is_empty() {
        return Err(call.bad(format_args!("the fill is empty")));
    }
    call.reads(text.len())?;
    let length = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
    Ok((
        text,
        Padding {
            fill,
            count: length.saturating_sub(text.chars().count()),
        },
    ))
}

impl Padding<'_> {
    /// Appends it.
    pub(super) fn write<'a>(&self, out: &mut Buffer<'_, '_, 'a>) -> Result<(), Fault<'a>> {
        let fill = self.fill.chars().cycle().take(self.count);
        let mut character = [0; 4];
        for c in fill {
            out.push(c.encode_utf8(&mut character))?;
        }
        Ok(())
    }
}
