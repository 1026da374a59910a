//! From one kind to another, and asking for the kind.

use super::Function;

mod bool;
mod bytes;
mod double;
mod duration;
mod dynamic;
mod int;
mod string;
mod timestamp;
mod type_of;
mod uint;

pub(super) const ALL: &[&Function] = &[
    &bool::FUNCTION,
    &bytes::FUNCTION,
    &double::FUNCTION,
    &duration::FUNCTION,
    &dynamic::FUNCTION,
    &int::FUNCTION,
    &string::FUNCTION,
    &timestamp::FUNCTION,
    &type_of::FUNCTION,
    &uint::FUNCTION,
];
