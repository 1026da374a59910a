//! `list.sort()`.

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTION: Function = Function {
    name: "sort",
    summary: "the items in rising order; equal ones stay in theirs",
    signatures: &["list(A).sort() -> list(A)"],
    fails: Some("items without a common order"),
    examples: &[
        ("[3, 1, 2].sort()", "[1, 2, 3]"),
        ("['b', 'a'].sort()", "['a', 'b']"),
        ("[dyn(1), dyn('a')].sort()", "error"),
    ],
    prepare: None,
    run,
};

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(items)] = *arguments else {
        return Err(call.no_overload());
    };
    let Some(first) = items.first() else {
        return Ok(Value::List(items));
    };
    // NaN has no place in an order, and a sort that cannot rely on one may give anything.
    let is_sortable =
        |item: &Value<'_>| item.is_ordered_with(*first) && item.compare(*item).is_some();
    if !items.iter().all(is_sortable) {
        return Err(call.bad(format_args!("these items have no common order")));
    }
    call.makes_list(items.len())?;
    // Each round may compare every item as far as it goes.
    let rounds = usize::BITS.saturating_sub(items.len().leading_zeros());
    let before = call.scope.left().steps;
    for item in items {
        call.reads_whole(*item)?;
    }
    let round = before - call.scope.left().steps;
    call.scope
        .charge_steps(round.saturating_mul(rounds.into()))?;
    let mut sorted = items.to_vec();
    sorted.sort_by(|a, b| a.compare(*b).unwrap_or(Ordering::Equal));
    Ok(call.arena().list(&sorted))
}
