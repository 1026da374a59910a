//! Digests, signatures and comparing them.

use sha2::Digest;

use super::Function;
use super::{Call, Outcome};
use crate::value::{Value, convert};

mod big_endian;
mod crc32;
mod hmac;
mod md5;
mod secure_equal;
mod sha1;
mod sha256;
mod sha384;
mod sha512;

pub(super) const ALL: &[&Function] = &[
    &big_endian::FUNCTION,
    &crc32::FUNCTION,
    &hmac::FUNCTION,
    &md5::FUNCTION,
    &secure_equal::FUNCTION,
    &sha1::FUNCTION,
    &sha256::FUNCTION,
    &sha384::FUNCTION,
    &sha512::FUNCTION,
];

/// A digest of bytes, or of the UTF-8 of a text.
fn digest<'a, D: Digest>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = *arguments else {
        return Err(call.no_overload());
    };
    let bytes = convert::bytes(value).map_err(|error| call.unconverted(error))?;
    // A digest goes over each byte some ten times slower than a comparison.
    call.reads(bytes.len().saturating_mul(8))?;
    call.new_bytes(&D::digest(bytes))
}
