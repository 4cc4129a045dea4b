//! Which phone number stands behind a number-free address (LID), and the other way round.

use super::KeyStore;
use crate::StoreError;
use crate::db::Row;

/// A number-free address and the number behind it. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LidMapping {
    /// The user part of the number-free address.
    pub lid: String,
    /// The user part of the address by number.
    pub phone_number: String,
    /// When the pair was first learned.
    pub created_at: i64,
    /// When it was last confirmed.
    pub updated_at: i64,
    /// Where it was learned.
    pub source: String,
}

/// One session's pairs of number-free address and number.
#[derive(Debug)]
pub struct Lids<'a>(&'a KeyStore);

impl KeyStore {
    /// The known pairs of number-free address and number.
    pub const fn lids(&self) -> Lids<'_> {
        Lids(self)
    }
}

/// The columns of a [`LidMapping`], in the order `mapping` reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT lid, phone_number, created_at, updated_at, source FROM wa_lid WHERE session = ?",
            $rest
        )
    };
}

impl Lids<'_> {
    /// Writes every pair in one transaction, in order; a known LID gets the new number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, mappings: Vec<LidMapping>) -> Result<(), StoreError> {
        // Replacing takes a new `learned`, one above the greatest: between equals, what was written last is the most recent.
        const PUT: &str = "INSERT OR REPLACE INTO wa_lid (session, lid, phone_number, created_at, updated_at, source) \
                           VALUES (?, ?, ?, ?, ?, ?)";
        let rows = mappings.into_iter().map(
            |LidMapping {
                 lid,
                 phone_number,
                 created_at,
                 updated_at,
                 source,
             }| {
                self.0.params(
                    &lid.as_str(),
                    [phone_number.into(), created_at.into(), updated_at.into(), source.into()],
                )
            },
        );
        self.0.write_each(PUT, rows.collect()).await.map(drop)
    }

    /// The pair with this LID.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn by_lid(&self, lid: &str) -> Result<Option<LidMapping>, StoreError> {
        let lid = self.0.params(&lid, []);
        self.0
            .store
            .read(move |reader| reader.query_one(select!(" AND lid = ?"), lid, mapping))
            .await
    }

    /// The most recent pair with this number: a number that changed hands has had several LIDs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn by_phone_number(&self, number: &str) -> Result<Option<LidMapping>, StoreError> {
        const BY_NUMBER: &str = select!(" AND phone_number = ? ORDER BY created_at DESC, learned DESC LIMIT 1");
        let number = self.0.params(&number, []);
        self.0
            .store
            .read(move |reader| reader.query_one(BY_NUMBER, number, mapping))
            .await
    }

    /// Every pair, in the order they were learned.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all(&self) -> Result<Vec<LidMapping>, StoreError> {
        let session = self.0.params(&(), []);
        self.0
            .store
            .read(move |reader| reader.query(select!(" ORDER BY learned"), session, mapping))
            .await
    }
}

fn mapping(row: &Row<'_>) -> Result<LidMapping, StoreError> {
    Ok(LidMapping {
        lid: row.get(0)?,
        phone_number: row.get(1)?,
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
        source: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::TestKeys;

    fn pair(lid: &str, phone_number: &str, created_at: i64) -> LidMapping {
        let (lid, phone_number) = (lid.to_owned(), phone_number.to_owned());
        LidMapping {
            lid,
            phone_number,
            created_at,
            updated_at: created_at,
            source: "usync".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_number_has_its_most_recent_address() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let lids = keys.lids();
        lids.put(vec![pair("100", "1", 5), pair("200", "1", 9), pair("300", "1", 7)])
            .await
            .unwrap();
        assert_eq!(lids.by_phone_number("1").await.unwrap(), Some(pair("200", "1", 9)));
        // Between equals the last one written, also when it was there before.
        lids.put(vec![pair("300", "1", 9), pair("100", "1", 9)]).await.unwrap();
        assert_eq!(lids.by_phone_number("1").await.unwrap(), Some(pair("100", "1", 9)));
    }

    #[tokio::test]
    async fn an_address_that_moved_to_another_number_leaves_the_old_one_to_the_others() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let lids = keys.lids();
        lids.put(vec![pair("100", "1", 1), pair("200", "1", 2)]).await.unwrap();
        lids.put(vec![pair("200", "2", 3)]).await.unwrap();
        assert_eq!(lids.by_phone_number("1").await.unwrap(), Some(pair("100", "1", 1)));
        assert_eq!(lids.by_lid("200").await.unwrap(), Some(pair("200", "2", 3)));
        assert_eq!(lids.all().await.unwrap(), [pair("100", "1", 1), pair("200", "2", 3)]);
    }
}
