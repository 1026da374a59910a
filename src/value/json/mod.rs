//! JSON: text to values and back.
//!
//! Reading borrows from the text wherever it can and copies into the arena where it cannot (a
//! string with an escape). Writing needs nothing in between. What was read and not calculated with
//! is written as it came: integers of 64 bits are exact, and other numbers keep their characters.

mod reach;
mod read;
mod scan;
mod tree;
mod write;

pub use reach::Reach;
pub use read::{JsonError, read, read_parts};
pub use tree::{from_tree, to_tree};
pub use write::{WriteError, write, write_indented, write_string};

/// How deep JSON may nest when nobody says otherwise.
pub const DEPTH: usize = 128;

#[cfg(test)]
mod tests;
