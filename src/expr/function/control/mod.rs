//! Failing on purpose, and new identifiers.

use super::Function;

mod fail;
mod uuid4;
mod uuid7;

pub(super) const ALL: &[&Function] = &[&fail::FUNCTION, &uuid4::FUNCTION, &uuid7::FUNCTION];
