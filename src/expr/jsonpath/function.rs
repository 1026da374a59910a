//! `v.jsonpath(query)` and `v.jsonpath_one(query)`.
//!
//! A literal query is compiled when the functions are loaded; any other is compiled when it is
//! needed, which costs steps by its length.

use super::Query;
use crate::expr::FaultKind;
use crate::expr::function::{Call, Function, Outcome, Prepared};
use crate::value::Value;

/// All that a query selects.
pub(in crate::expr) const ALL: Function = Function {
    name: "jsonpath",
    summary: "the nodes that a JSONPath (RFC 9535) selects",
    signatures: &["dyn.jsonpath(string) -> list(dyn)"],
    fails: Some("when the query is not a literal and no JSONPath"),
    examples: &[
        (
            "{'a': [{'id': 1}, {'id': 2}]}.jsonpath('$.a[*].id')",
            "[1, 2]",
        ),
        ("{'a': 1}.jsonpath('$.b')", "[]"),
        ("{'a': 1}.jsonpath('$.' + string(1))", "error"),
    ],
    prepare: Some(prepare),
    run: all,
};

/// The first of them.
pub(in crate::expr) const ONE: Function = Function {
    name: "jsonpath_one",
    summary: "the first node that a JSONPath (RFC 9535) selects, as an optional",
    signatures: &["dyn.jsonpath_one(string) -> optional_type(dyn)"],
    fails: Some("when the query is not a literal and no JSONPath"),
    examples: &[
        (
            "{'a': [{'id': 1}, {'id': 2}]}.jsonpath_one('$.a[?@.id > 1].id').value()",
            "2",
        ),
        ("{'a': [1, 2]}.jsonpath_one('$.a[-1]').value()", "2"),
        ("{'a': 1}.jsonpath_one('$.b').orValue('none')", "'none'"),
        ("{'a': 1}.jsonpath_one('$.' + string(1))", "error"),
    ],
    prepare: Some(prepare),
    run: one,
};

fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    match arguments {
        [_, Some(Value::String(text))] => Query::parse(text)
            .map(|query| Some(Prepared::Query(query)))
            .map_err(|why| (1, why)),
        _ => Ok(None),
    }
}

fn nodes<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
) -> Result<&'a [Value<'a>], crate::expr::Fault<'a>> {
    let [root, Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    if let Some(Prepared::Query(query)) = call.prepared {
        return query.select(root, call.scope);
    }
    call.scope.charge_steps(2_000 + text.len() as u64 * 20)?;
    let query = Query::parse(text)
        .map_err(|why| call.fault(FaultKind::BadArgument, call.arena().string(&why)))?;
    query.select(root, call.scope)
}

fn all<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    nodes(call, arguments).map(Value::List)
}

fn one<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let first = nodes(call, arguments)?.first().copied();
    Ok(match first {
        Some(value) => {
            call.makes(size_of::<Value<'a>>())?;
            call.arena().some(value)
        }
        None => Value::Optional(None),
    })
}
