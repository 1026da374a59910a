//! People: e-mail addresses, telephone numbers, names, countries.
//!
//! The tables behind them are large, so none is touched before a function that needs it is: the
//! numbering plans of the world are unpacked when an expression with `phone.e164` is compiled, the
//! names of countries when one is first looked for.

use super::Function;

mod country;
mod country_alpha2;
mod country_alpha3;
mod country_name;
mod email_normalize;
mod name_split;
mod phone_e164;

pub(super) const ALL: &[&Function] = &[
    &country_alpha2::FUNCTION,
    &country_alpha3::FUNCTION,
    &country_name::FUNCTION,
    &email_normalize::FUNCTION,
    &name_split::FUNCTION,
    &phone_e164::FUNCTION,
];
