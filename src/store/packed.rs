//! Bodies of events as SQLite holds them: packed by LZ4, where that makes them smaller.
//!
//! A byte of a body is written three times: to the log of writes, to the page that it belongs to,
//! and to the pages that are moved for it. JSON packs to a third or a fourth, which is quicker to do
//! than to write. Beside a packed body stands how long it is; 0 says that it is as it came.

use std::borrow::Cow;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// Shorter ones are not tried.
const SHORTEST: usize = 512;

/// A body to be stored, and how long it is where it is packed.
pub(super) fn pack(body: &[u8]) -> (Cow<'_, [u8]>, i64) {
    if body.len() >= SHORTEST
        && let Ok(length) = i64::try_from(body.len())
    {
        let packed = lz4_flex::block::compress(body);
        if packed.len() < body.len() / 8 * 7 {
            return (Cow::Owned(packed), length);
        }
    }
    (Cow::Borrowed(body), 0)
}

fn unpack(stored: &[u8], length: i64) -> rusqlite::Result<Vec<u8>> {
    match usize::try_from(length) {
        Ok(0) => Ok(stored.to_vec()),
        Ok(length) => lz4_flex::block::decompress(stored, length)
            .map_err(|error| rusqlite::Error::UserFunctionError(error.into())),
        Err(error) => Err(rusqlite::Error::UserFunctionError(error.into())),
    }
}

/// Gives a connection the function `unpacked(body, packed)`.
pub(super) fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("unpacked", 2, flags, |context| {
        let body = context.get_raw(0).as_blob_or_null()?;
        body.map(|body| unpack(body, context.get(1)?)).transpose()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], is_packed: bool) {
        let (stored, length) = pack(body);
        assert_eq!(length > 0, is_packed);
        assert_eq!(unpack(&stored, length).unwrap(), body);
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        check(b"", false);
        check(b"{\"id\": 7}", false);
        check(&b"{\"id\": 7}".repeat(100), true);
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..4000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_be_bytes()[0]
            })
            .collect();
        check(&noise, false);
        check(&vec![0; 8 << 20], true);
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let body = b"{\"id\": 7}".repeat(100);
        let (stored, length) = pack(&body);
        assert!(unpack(&stored, length - 1).is_err());
        assert!(unpack(&stored[1..], length).is_err());
        assert!(unpack(&stored, -1).is_err());
    }

    #[test]
    fn a_connection_unpacks() {
        let connection = Connection::open_in_memory().unwrap();
        teach(&connection).unwrap();
        let body = b"webhook ".repeat(200);
        let (stored, length) = pack(&body);
        let found: Vec<u8> = connection
            .query_row("SELECT unpacked(?1, ?2)", (&*stored, length), |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(found, body);
        let none: Option<Vec<u8>> = connection
            .query_row("SELECT unpacked(NULL, NULL)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(none, None);
    }
}
