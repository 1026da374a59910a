//! Maps: taking apart, putting together, choosing.

mod entries_buffer;

use super::Function;

mod all;
mod deep_merge;
mod entries;
mod from_entries;
mod keys;
mod merge;
mod omit;
mod pick;
mod rename;
mod values;

pub(super) const ALL: &[&Function] = &[
    &all::FUNCTION,
    &deep_merge::FUNCTION,
    &entries::FUNCTION,
    &from_entries::FUNCTION,
    &keys::FUNCTION,
    &merge::FUNCTION,
    &omit::FUNCTION,
    &pick::FUNCTION,
    &rename::FUNCTION,
    &values::FUNCTION,
];
