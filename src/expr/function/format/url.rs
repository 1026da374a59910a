//! `url(s)`.

use crate::expr::function::Fields;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "url",
    summary: "the parts of an absolute URL: scheme, user, host, port, path, query (text), fragment; only those that it has",
    signatures: &["url(string) -> map(string, dyn)"],
    fails: Some("text that is not an absolute URL"),
    examples: &[
        (
            "url('https://example.com:8443/a/b?x=1#top')",
            "{'scheme': 'https', 'host': 'example.com', 'port': 8443, 'path': '/a/b', 'query': 'x=1', 'fragment': 'top'}",
        ),
        ("url('HTTP://user@Example.com').host", "'example.com'"),
        ("url('/only/a/path')", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.makes(text.len())?;
    let (address, fragment) = text
        .split_once('#')
        .map_or((text, None), |(address, fragment)| {
            (address, Some(fragment))
        });
    let uri: http::Uri = address
        .parse()
        .map_err(|error| call.bad(format_args!("not a URL: {error}")))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(call.bad(format_args!(
            "not an absolute URL such as `https://example.com/path`"
        )));
    };
    let new = |text: &str| Value::String(call.arena().string(text));
    let mut parts = Fields::new(call);
    parts.set("scheme", new(&scheme.to_ascii_lowercase()))?;
    if let Some((user, _)) = authority.as_str().rsplit_once('@') {
        parts.set("user", new(user))?;
    }
    parts.set("host", new(&authority.host().to_ascii_lowercase()))?;
    if let Some(port) = authority.port_u16() {
        parts.set("port", Value::Int(port.into()))?;
    }
    parts.set("path", new(uri.path()))?;
    if let Some(query) = uri.query() {
        parts.set("query", new(query))?;
    }
    if let Some(fragment) = fragment {
        parts.set("fragment", Value::String(fragment))?;
    }
    Ok(parts.finish())
}
