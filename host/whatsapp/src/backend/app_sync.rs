//! Keys, versions and MACs of the account's synchronised state.

use std::collections::HashMap;

use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::traits::{AppStateSyncKey, AppSyncStore};

use super::{Backend, Result, database, from_json, to_json};

#[async_trait]
impl AppSyncStore for Backend {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let stored = self.keys.app_keys().get(key_id).await.map_err(database)?;
        stored.map(|key| from_json(&key)).transpose()
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        self.keys
            .app_keys()
            .put(&[(key_id, to_json(&key)?)])
            .await
            .map_err(database)
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        let stored = self.keys.app_versions().get(name).await.map_err(database)?;
        stored.map_or_else(|| Ok(HashState::default()), |state| from_json(&state))
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        self.keys
            .app_versions()
            .put(&[(name, to_json(&state)?)])
            .await
            .map_err(database)
    }

    /// The version is the library's to keep (`set_version`): a MAC is found by its collection and index alone.
    async fn put_mutation_macs(&self, name: &str, _version: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        let rows: Vec<_> = mutations
            .iter()
            .map(|mac| ((name, mac.index_mac.as_slice()), mac.value_mac.as_slice()))
            .collect();
        self.keys.app_macs().put(&rows).await.map_err(database)
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        self.keys.app_macs().get((name, index_mac)).await.map_err(database)
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let wanted: Vec<_> = index_macs.iter().map(|index| (name, index.as_slice())).collect();
        let found = self.keys.app_macs().get_many(&wanted).await.map_err(database)?;
        Ok(index_macs
            .iter()
            .zip(found)
            .filter_map(|(index, mac)| Some((*index, mac?)))
            .collect())
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let keys: Vec<_> = index_macs.iter().map(|index| (name, index.as_slice())).collect();
        self.keys.app_macs().delete(&keys).await.map_err(database)
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        self.keys.clear_app_macs(name).await.map_err(database)
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.keys.latest_app_key_id().await.map_err(database)
    }
}
