//! The linked device itself: one record, holding the session's long-lived key pairs.

use super::KeyStore;
use super::sealed::{Sealed, Table, table};
use crate::StoreError;

static DEVICE: Table<()> = table!("wa_device");

impl KeyStore {
    /// The device of this session, under no key: there is one.
    pub const fn device(&self) -> Sealed<'_, ()> {
        self.sealed(&DEVICE)
    }

    /// Writes a first device unless there is one. Returns the number of the device's row, which never changes.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn create_device(&self, device: &[u8]) -> Result<i64, StoreError> {
        const CREATE: &str = "INSERT INTO wa_device (session, value) VALUES (?, ?) ON CONFLICT (session) DO NOTHING";
        const NUMBER: &str = "SELECT id FROM wa_device WHERE session = ?";
        let session = self.params(&(), []);
        let row = self.row(DEVICE.name, &(), device, [])?;
        let created = self
            .store
            .write(move |tx| {
                tx.execute(CREATE, row)?;
                tx.query_one(NUMBER, session, |row| row.get(0))
            })
            .await?;
        created.ok_or_else(|| StoreError::Other("the device just written is not there".into()))
    }
}

#[cfg(test)]
mod tests {
    use crate::keys::testing::TestKeys;

    #[tokio::test]
    async fn a_device_that_is_there_is_not_replaced_by_creating_one() {
        let TestKeys {
            keys,
            others,
            test: _test,
            ..
        } = TestKeys::new();
        let number = keys.create_device(b"first").await.unwrap();
        assert_eq!(keys.create_device(b"second").await.unwrap(), number);
        assert_eq!(keys.device().get(()).await.unwrap(), Some(b"first".to_vec()));
        keys.device().put(&[((), b"saved")]).await.unwrap();
        assert_eq!(keys.create_device(b"third").await.unwrap(), number);
        assert_eq!(keys.device().get(()).await.unwrap(), Some(b"saved".to_vec()));
        assert_ne!(others.create_device(b"first").await.unwrap(), number);
    }
}
