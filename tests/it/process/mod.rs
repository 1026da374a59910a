//! The program as its users meet it: the real binary, in a process of its own, over HTTP.
//!
//! What other modules test within one process is taken as given here. These tests are for what
//! only a process has: arguments and exit codes, signals, files that change beside it, other
//! processes that talk to it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics is a test that fails"
)]

mod clock;
mod commands;
mod connections;
mod crash;
mod eval;
mod handshakes;
mod keys;
mod load;
mod log;
mod names;
mod orders;
mod postgres;
mod power;
pub(crate) mod project;
mod reload;
mod secrets;
mod start;
mod stop;
mod systemd;
mod terminal;
mod watch;
