//! Bytes as text and back: base64, hex, URLs, HTML.

use super::Function;

mod base64_buffer;
mod base64_decode;
mod base64_encode;
mod base64url_decode;
mod base64url_encode;
mod hex_decode;
mod hex_encode;
mod html_escape;
mod url_decode;
mod url_encode;

pub(super) const ALL: &[&Function] = &[
    &base64_decode::FUNCTION,
    &base64_encode::FUNCTION,
    &base64url_decode::FUNCTION,
    &base64url_encode::FUNCTION,
    &hex_decode::FUNCTION,
    &hex_encode::FUNCTION,
    &html_escape::FUNCTION,
    &url_decode::FUNCTION,
    &url_encode::FUNCTION,
];
