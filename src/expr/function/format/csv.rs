//! `csv(s[, {header, delimiter}])`.

use crate::expr::Fault;
use crate::expr::function::{Call, Function, Outcome};
use crate::expr::function::{Fields, Items};
use crate::value::Map;
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "csv",
    summary: "the rows of a CSV text as lists; with `header: true` as maps with the names of the first row",
    signatures: &[
        "csv(string) -> list(list(string))",
        "csv(string, map(string, dyn)) -> list(dyn)",
    ],
    fails: Some(
        "a row that is longer or shorter than the header, or an option that does not exist",
    ),
    examples: &[
        ("csv('a,b\\n1,\"x, y\"\\n')", "[['a', 'b'], ['1', 'x, y']]"),
        (
            "csv('a;b\\n1;2', {'header': true, 'delimiter': ';'})",
            "[{'a': '1', 'b': '2'}]",
        ),
        ("csv('a,b\\n1', {'header': true})", "error"),
        ("csv('a', {'separator': ';'})", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, options) = match *arguments {
        [Value::String(text)] => (text, None),
        [Value::String(text), Value::Map(options)] => (text, Some(options)),
        _ => return Err(call.no_overload()),
    };
    let options = Options::of(call, options)?;
    call.reads(text.len().saturating_mul(4))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(!options.header)
        .delimiter(options.delimiter)
        .from_reader(text.as_bytes());
    let mut names: Option<Vec<&'a str>> = None;
    let mut rows = Items::new(call);
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| refused(call, &error))?
    {
        let row = fields(call, &record)?;
        match &names {
            None if options.header => names = Some(row),
            None => {
                let row: Vec<_> = row.into_iter().map(Value::String).collect();
                rows.push(call.new_list(&row)?)?;
            }
            Some(names) => {
                let mut entries = Fields::new(call);
                for (name, field) in names.iter().zip(row) {
                    entries.set(name, Value::String(field))?;
                }
                rows.push(entries.finish())?;
            }
        }
    }
    Ok(rows.finish())
}

struct Options {
    header: bool,
    delimiter: u8,
}

impl Options {
    fn of<'a>(call: &Call<'_, 'a>, given: Option<&Map<'_>>) -> Result<Self, Fault<'a>> {
        let mut options = Self {
            header: false,
            delimiter: b',',
        };
        for (key, value) in given.into_iter().flat_map(Map::iter) {
            match (key.as_str(), value) {
                (Some("header"), Value::Bool(header)) => options.header = header,
                (Some("delimiter"), Value::String(text)) => match *text.as_bytes() {
                    [delimiter]
                        if delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\n' | b'\r') =>
                    {
                        options.delimiter = delimiter;
                    }
                    _ => {
                        return Err(call.bad(format_args!(
                            "`delimiter` is one ASCII character, not a quote"
                        )));
                    }
                },
                _ => {
                    return Err(call.bad(format_args!(
                        "the options are `header` (bool) and `delimiter` (string)"
                    )));
                }
            }
        }
        Ok(options)
    }
}

fn fields<'a>(call: &Call<'_, 'a>, record: &csv::StringRecord) -> Result<Vec<&'a str>, Fault<'a>> {
    let mut fields = Vec::with_capacity(record.len());
    for field in record {
        call.makes(field.len())?;
        fields.push(call.arena().string(field));
    }
    Ok(fields)
}

fn refused<'a>(call: &Call<'_, 'a>, error: &csv::Error) -> Fault<'a> {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            call.bad(format_args!(
                "line {line} has {len} fields where the header has {expected_len}"
            ))
        }
        _ => call.bad(format_args!("not CSV: {error}")),
    }
}
