//! Text: asking, finding, cutting, changing. Positions count characters, as everywhere in CEL.

use super::Call;
use super::Function;
use crate::expr::{Fault, FaultKind};

mod after;
mod before;
mod char_at;
mod contains;
mod count;
mod ends_with;
mod format;
mod index_of;
mod is_blank;
mod join;
mod last_index_of;
mod lines;
mod lower_ascii;
mod pad_end;
mod pad_start;
mod padding;
mod quote;
mod replace;
mod reverse;
mod size;
mod slug;
mod split;
mod starts_with;
mod strip_prefix;
mod strip_suffix;
mod substring;
mod title;
mod trim;
mod truncate;
mod upper_ascii;
mod words;

pub(super) const ALL: &[&Function] = &[
    &after::FUNCTION,
    &before::FUNCTION,
    &char_at::FUNCTION,
    &contains::FUNCTION,
    &count::FUNCTION,
    &ends_with::FUNCTION,
    &format::FUNCTION,
    &index_of::FUNCTION,
    &is_blank::FUNCTION,
    &join::FUNCTION,
    &last_index_of::FUNCTION,
    &lines::FUNCTION,
    &lower_ascii::FUNCTION,
    &pad_end::FUNCTION,
    &pad_start::FUNCTION,
    &quote::FUNCTION,
    &replace::FUNCTION,
    &reverse::FUNCTION,
    &size::FUNCTION,
    &slug::FUNCTION,
    &split::FUNCTION,
    &starts_with::FUNCTION,
    &strip_prefix::FUNCTION,
    &strip_suffix::FUNCTION,
    &substring::FUNCTION,
    &title::FUNCTION,
    &trim::FUNCTION,
    &truncate::FUNCTION,
    &upper_ascii::FUNCTION,
    &words::FUNCTION,
];

/// Where in the text's bytes the character of a position begins; the position just after the last
/// character is one too.
fn byte_at<'a>(call: &Call<'_, 'a>, text: &str, position: i64) -> Result<usize, Fault<'a>> {
    let outside = || call.fault(FaultKind::Range, "a position outside the text");
    let position = usize::try_from(position).map_err(|_| outside())?;
    call.reads(position.min(text.len()))?;
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.nth(position).ok_or_else(outside)
}

/// Which character begins at a byte.
fn position(text: &str, byte: usize) -> i64 {
    let before = text.get(..byte).unwrap_or(text);
    i64::try_from(before.chars().count()).unwrap_or(i64::MAX)
}
