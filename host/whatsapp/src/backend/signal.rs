//! Identities, sessions, pre-keys and sender keys of the Signal protocol.

use std::sync::Arc;

use bytes::Bytes;
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::store::error::StoreError;
use whatsapp_rust::wacore::store::traits::SignalStore;

use super::{Backend, Result, database};

#[async_trait]
impl SignalStore for Backend {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.keys.identities().put(&[(address, key)]).await.map_err(database)
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        self.keys.identities().put(identities).await.map_err(database)
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let stored = self.keys.identities().get(address).await.map_err(database)?;
        stored
            .map(|key| {
                key.try_into()
                    .map_err(|_| StoreError::Validation("a stored identity key is not 32 bytes".into()))
            })
            .transpose()
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.keys.identities().delete(&[address]).await.map_err(database)
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self
            .keys
            .sessions()
            .get(address)
            .await
            .map_err(database)?
            .map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.keys.sessions().put(&[(address, session)]).await.map_err(database)
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.keys.sessions().put(sessions).await.map_err(database)
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.keys.sessions().delete(&[address]).await.map_err(database)
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        self.keys.sessions().exists(address).await.map_err(database)
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        self.keys.has_signal_state(user).await.map_err(database)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        self.keys
            .pre_keys()
            .put(&[(id, record)], uploaded)
            .await
            .map_err(database)
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        self.keys.pre_keys().put(keys, uploaded).await.map_err(database)
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.load_prekeys_batch(&[id]).await?.pop().map(|(_, record)| record))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let found = self.keys.pre_keys().get(ids).await.map_err(database)?;
        Ok(found
            .into_iter()
            .map(|(id, record)| (id, Bytes::from(record)))
            .collect())
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        self.keys.pre_keys().mark_uploaded(ids).await.map_err(database)
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.keys.pre_keys().delete(id).await.map_err(database)
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        self.keys.pre_keys().max_id().await.map_err(database)
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        self.keys.signed_pre_keys().put(&[(id, record)]).await.map_err(database)
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.keys.signed_pre_keys().get(id).await.map_err(database)
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        self.keys.all_signed_pre_keys().await.map_err(database)
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.keys.signed_pre_keys().delete(&[id]).await.map_err(database)
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.keys
            .sender_keys()
            .put(&[(address, record)])
            .await
            .map_err(database)
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.keys.sender_keys().put(sender_keys).await.map_err(database)
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.keys.sender_keys().get(address).await.map_err(database)
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.keys.sender_keys().delete(&[address]).await.map_err(database)
    }
}
