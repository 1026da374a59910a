//! `email.normalize(s)`.

use email_address::{EmailAddress, Error, Options};

use crate::expr::function::{Call, Function, Outcome};
use crate::value::Value;

pub(super) const FUNCTION: Function = Function {
    name: "email.normalize",
    summary: "the e-mail address without white space at its ends, in lower case",
    signatures: &["email.normalize(string) -> string"],
    fails: Some(
        "text that is not one address of a host with a domain: no display name, no address of a network",
    ),
    examples: &[
        (
            "email.normalize('  Ada.Lovelace@Example.COM ')",
            "'ada.lovelace@example.com'",
        ),
        ("email.normalize('Ada <ada@example.com>')", "error"),
        ("email.normalize('ada@localhost')", "error"),
        ("email.normalize('ada@example..com')", "error"),
    ],
    prepare: None,
    run,
};

/// Longer than any address may be.
const LONGEST: usize = 320;

fn run<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = *arguments else {
        return Err(call.no_overload());
    };
    call.reads(text.len())?;
    let text = text.trim();
    let options = Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    if text.len() > LONGEST {
        return Err(call.bad(format_args!("not an e-mail address: it is too long")));
    }
    let address = EmailAddress::parse_with_options(text, options)
        .map_err(|error| call.bad(format_args!("not an e-mail address: {}", why(&error))))?;
    call.new_text(&address.as_str().to_lowercase())
}

fn why(error: &Error) -> &'static str {
    match error {
        Error::InvalidCharacter => "there is a character that no address has",
        Error::MissingSeparator => "it has no `@`",
        Error::LocalPartEmpty => "nothing stands before the `@`",
        Error::LocalPartTooLong => "the part before the `@` is too long",
        Error::DomainEmpty => "nothing stands after the `@`",
        Error::DomainTooLong | Error::SubDomainTooLong => "the domain is too long",
        Error::SubDomainEmpty | Error::DomainInvalidSeparator => "a dot of the domain is misplaced",
        Error::DomainTooFew => "the domain has no dot",
        Error::UnbalancedQuotes => "a quote is not closed",
        Error::InvalidComment => "its comment is malformed",
        Error::InvalidIPAddress | Error::UnsupportedDomainLiteral => "its domain is an address",
        Error::UnsupportedDisplayName | Error::MissingDisplayName | Error::MissingEndBracket => {
            "there is a name beside it"
        }
    }
}
