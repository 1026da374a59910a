//! The one integration binary: one link, one process, many modules. `tests/README.md` tells what
//! goes where.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test ends where something is not as it should be, its helpers too"
)]

mod cel;
mod cel_rules;
mod certificates;
mod deliveries;
mod diagnostics;
mod docs;
mod doctor;
mod gateway;
mod grammar;
mod handshakes;
mod harness;
mod jsonpath;
mod keys;
mod message_signatures;
mod process;
mod providers;
mod recording;
mod request_model;
mod send;
mod server;
mod signatures;
mod tidy;
mod trials;
mod urls;
