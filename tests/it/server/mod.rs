//! The server by raw sockets: what it takes, what it refuses, when it closes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod access;
mod admin;
mod clients;
mod drain;
mod limits;
mod listeners;
mod log_api;
mod proxied;
mod requests;
mod tls;

use crate::harness::{Builder, TestGateway};

/// Answers with the length of the body that it got.
const ECHO: &str = "
function: echo
auth: none
accept: { path: /echo, max_body: 64KiB }
respond:
  status_code: 200
  body: { length: \"${size(raw_body)}\" }
";

/// Needs a key.
const SECURED: &str = "
function: secured
auth: { zapikey: required }
accept: { path: /secured }
respond:
  status_code: 200
  body: { ok: true }
";

/// A gateway with both.
fn gateway() -> Builder {
    TestGateway::new()
        .file("echo.yaml", ECHO)
        .file("secured.yaml", SECURED)
}
