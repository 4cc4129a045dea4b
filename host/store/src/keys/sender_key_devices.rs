//! Which devices of a group already hold our sender key, so that a group message carries the key to nobody twice.

use super::KeyStore;
use crate::StoreError;

/// One session's record of who holds its sender keys.
#[derive(Debug)]
pub struct SenderKeyDevices<'a>(&'a KeyStore);

impl KeyStore {
    /// Who holds our sender keys.
    pub const fn sender_key_devices(&self) -> SenderKeyDevices<'_> {
        SenderKeyDevices(self)
    }
}

impl SenderKeyDevices<'_> {
    /// The known devices of a group, each with whether it holds our key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of_group(&self, group: &str) -> Result<Vec<(String, bool)>, StoreError> {
        const OF_GROUP: &str =
            "SELECT device_jid, has_key FROM wa_sender_key_device WHERE session = ? AND group_jid = ?";
        let group = self.0.params(&group, []);
        self.0
            .store
            .read(move |reader| reader.query(OF_GROUP, group, |row| Ok((row.get(0)?, row.get(1)?))))
            .await
    }

    /// Notes for every device whether it holds the group's key, in one transaction.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, group: &str, devices: &[(&str, bool)]) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO wa_sender_key_device (session, group_jid, device_jid, has_key) VALUES (?, ?, ?, ?) \
                           ON CONFLICT (session, group_jid, device_jid) DO UPDATE SET has_key = excluded.has_key";
        let rows = devices
            .iter()
            .map(|(device, has_key)| self.0.params(&(group, *device), [(*has_key).into()]));
        self.0.write_each(PUT, rows.collect()).await.map(drop)
    }

    /// Forgets a group: its key was replaced, and nobody holds the new one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn clear_group(&self, group: &str) -> Result<(), StoreError> {
        const CLEAR_GROUP: &str = "DELETE FROM wa_sender_key_device WHERE session = ? AND group_jid = ?";
        self.0
            .write_each(CLEAR_GROUP, vec![self.0.params(&group, [])])
            .await
            .map(drop)
    }

    /// Forgets these devices in every group, in one transaction.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_devices(&self, devices: &[&str]) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM wa_sender_key_device WHERE session = ? AND device_jid = ?";
        let rows = devices.iter().map(|device| self.0.params(device, [])).collect();
        self.0.write_each(DELETE, rows).await.map(drop)
    }

    /// Forgets every group: our identity changed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn clear(&self) -> Result<(), StoreError> {
        const CLEAR: &str = "DELETE FROM wa_sender_key_device WHERE session = ?";
        self.0.write_each(CLEAR, vec![self.0.params(&(), [])]).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use crate::keys::testing::TestKeys;

    #[tokio::test]
    async fn a_device_is_forgotten_in_every_group_and_a_group_alone() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let devices = keys.sender_key_devices();
        for group in ["a@g.us", "b@g.us"] {
            devices
                .put(group, &[("1:1@s", true), ("1:2@s", true), ("1:2@s", false)])
                .await
                .unwrap();
        }
        devices.delete_devices(&["1:1@s", "none"]).await.unwrap();
        let left = [("1:2@s".to_owned(), false)];
        assert_eq!(devices.of_group("a@g.us").await.unwrap(), left);
        devices.clear_group("a@g.us").await.unwrap();
        assert_eq!(devices.of_group("a@g.us").await.unwrap(), []);
        assert_eq!(devices.of_group("b@g.us").await.unwrap(), left);
        devices.clear().await.unwrap();
        assert_eq!(devices.of_group("b@g.us").await.unwrap(), []);
    }
}
