//! `phone.e164(s, region)`.

use std::sync::LazyLock;

use phonenumber::country;
use phonenumber::metadata::{DATABASE, Database};

use crate::expr::FaultKind;
use crate::expr::function::Prepared;
use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "phone.e164",
    summary: "the telephone number in E.164: `+`, country, number; one without a country is of the region (ISO 3166-1, two letters)",
    signatures: &["phone.e164(string, string) -> string"],
    fails: Some("text that is not a number of an existing numbering plan, or no such region"),
    examples: &[
        ("phone.e164('030 901820', 'DE')", "'+4930901820'"),
        ("phone.e164('(415) 555-2671', 'us')", "'+14155552671'"),
        ("phone.e164('+44 20 7946 0958', 'DE')", "'+442079460958'"),
        ("phone.e164('12', 'DE')", "error"),
        ("phone.e164('030 901820', 'XX')", "error"),
    ],
    prepare: Some(prepare),
    run,
};

/// More than any number has with its separators and its extension.
const LONGEST: usize = 250;

/// Reading and checking a number goes through some twenty regular expressions.
const STEPS: u64 = 500;

/// Unpacks the numbering plans, so that no request waits for it.
fn prepare(arguments: &[Option<Value<'_>>]) -> Result<Option<Prepared>, (usize, String)> {
    LazyLock::force(&PLANS);
    match arguments {
        [_, Some(Value::String(region))] if self::region(region).is_none() => {
            Err((1, NO_REGION.to_owned()))
        }
        _ => Ok(None),
    }
}

static PLANS: LazyLock<&Database> = LazyLock::new(|| &DATABASE);

const NO_REGION: &str = "no such region: two letters of ISO 3166-1, such as `DE`";

fn region(code: &str) -> Option<country::Id> {
    if code.len() != 2 {
        return None;
    }
    code.to_ascii_uppercase().parse().ok()
}

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(code)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len().saturating_add(code.len()))?;
    call.scope.charge_steps(STEPS)?;
    let region = region(code).ok_or_else(|| call.fault(FaultKind::BadArgument, NO_REGION))?;
    if text.len() > LONGEST {
        return Err(call.bad(format_args!("not a telephone number: it is too long")));
    }
    let number = phonenumber::parse_with(&PLANS, Some(region), text)
        .map_err(|error| call.bad(format_args!("not a telephone number: {error}")))?;
    if !phonenumber::is_valid_with(&PLANS, &number) {
        return Err(call.bad(format_args!(
            "not a telephone number: its country has none like it"
        )));
    }
    // E.164 has no place for an extension.
    let text = format!("+{}{}", number.code().value(), number.national());
    call.new_text(&text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn e164(text: &str, code: &str) -> Option<String> {
        let number = phonenumber::parse_with(&PLANS, region(code), text).ok()?;
        phonenumber::is_valid_with(&PLANS, &number)
            .then(|| format!("+{}{}", number.code().value(), number.national()))
    }

    #[test]
    fn numbers_of_many_plans_are_read() {
        let check = |text: &str, code: &str, want: Option<&str>| {
            assert_eq!(e164(text, code).as_deref(), want, "{text} {code}");
        };
        check("07911 123456", "GB", Some("+447911123456"));
        check("0044 7911 123456", "DE", Some("+447911123456"));
        check("06 12 34 56 78", "FR", Some("+33612345678"));
        // Italy keeps its zero.
        check("02 1234 5678", "IT", Some("+390212345678"));
        check("+1 415-555-2671 ext. 12", "DE", Some("+14155552671"));
        check("tel:+49-30-901820", "US", Some("+4930901820"));
        check("９８７ ６５４", "DE", None);
        check("1-800-FLOWERS", "US", Some("+18003569377"));
        check("123", "US", None);
        check("+999 123456789", "US", None);
        check("", "US", None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_can_break_it(text in "[+0-9a-z()é;=x/ .,-]{0,40}", code in "[A-Z]{2}") {
            let _ = e164(&text, &code);
        }

        #[test]
        fn no_characters_can_break_it(text in "\\PC{0,20}") {
            let _ = e164(&text, "US");
        }
    }
}
