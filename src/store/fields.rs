//! Reads rows, whichever engine they come from: both have the same columns.

/// A row's columns, by their place from 0. Numbers are 64 bits wide in each engine.
pub(super) trait Fields {
    /// Of the engine: the column is not there, or holds something else.
    type Error;

    fn int(&self, at: usize) -> Result<i64, Self::Error>;
    fn maybe_int(&self, at: usize) -> Result<Option<i64>, Self::Error>;
    fn text(&self, at: usize) -> Result<String, Self::Error>;
    fn maybe_text(&self, at: usize) -> Result<Option<String>, Self::Error>;
    fn bytes(&self, at: usize) -> Result<Vec<u8>, Self::Error>;
    fn maybe_bytes(&self, at: usize) -> Result<Option<Vec<u8>>, Self::Error>;

    /// A number that is small and not negative; one that cannot be is the largest there is.
    fn count(&self, at: usize) -> Result<u32, Self::Error> {
        Ok(small(self.int(at)?))
    }

    /// The same of 64 bits.
    fn size(&self, at: usize) -> Result<u64, Self::Error> {
        Ok(u64::try_from(self.int(at)?).unwrap_or_default())
    }

    /// 1 or 0.
    fn flag(&self, at: usize) -> Result<bool, Self::Error> {
        Ok(self.int(at)? != 0)
    }
}

/// A number of a row that is small and not negative.
pub(super) fn small(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

impl Fields for rusqlite::Row<'_> {
    type Error = rusqlite::Error;

    fn int(&self, at: usize) -> rusqlite::Result<i64> {
        self.get(at)
    }
    fn maybe_int(&self, at: usize) -> rusqlite::Result<Option<i64>> {
        self.get(at)
    }
    fn text(&self, at: usize) -> rusqlite::Result<String> {
        self.get(at)
    }
    fn maybe_text(&self, at: usize) -> rusqlite::Result<Option<String>> {
        self.get(at)
    }
    fn bytes(&self, at: usize) -> rusqlite::Result<Vec<u8>> {
        self.get(at)
    }
    fn maybe_bytes(&self, at: usize) -> rusqlite::Result<Option<Vec<u8>>> {
        self.get(at)
    }
}

impl Fields for tokio_postgres::Row {
    type Error = tokio_postgres::Error;

    fn int(&self, at: usize) -> Result<i64, Self::Error> {
        self.try_get(at)
    }
    fn maybe_int(&self, at: usize) -> Result<Option<i64>, Self::Error> {
        self.try_get(at)
    }
    fn text(&self, at: usize) -> Result<String, Self::Error> {
        self.try_get(at)
    }
    fn maybe_text(&self, at: usize) -> Result<Option<String>, Self::Error> {
        self.try_get(at)
    }
    fn bytes(&self, at: usize) -> Result<Vec<u8>, Self::Error> {
        self.try_get(at)
    }
    fn maybe_bytes(&self, at: usize) -> Result<Option<Vec<u8>>, Self::Error> {
        self.try_get(at)
    }
}
