//! Secrets are made of the operating system's randomness, and of nothing else.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// The operating system gave no random bytes. Nothing secret can be made then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// Fills `bytes` from the operating system, never from a generator of our own.
pub fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    SysRng.try_fill_bytes(bytes).map_err(|_| NoRandomness)
}
