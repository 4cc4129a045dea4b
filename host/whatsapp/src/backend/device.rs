//! The linked device itself: one record per session.

use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::stats::StorageResourceReport;
use whatsapp_rust::wacore::store::Device;
use whatsapp_rust::wacore::store::error::StoreError;
use whatsapp_rust::wacore::store::traits::DeviceStore;

use super::{Backend, Result, database, from_json, to_json};

#[async_trait]
impl DeviceStore for Backend {
    async fn save(&self, device: &Device) -> Result<()> {
        self.keys
            .device()
            .put(&[((), to_json(device)?)])
            .await
            .map_err(database)
    }

    async fn load(&self) -> Result<Option<Device>> {
        let stored = self.keys.device().get(()).await.map_err(database)?;
        stored.map(|device| from_json(&device)).transpose()
    }

    async fn exists(&self) -> Result<bool> {
        self.keys.device().exists(()).await.map_err(database)
    }

    /// A session has one device: if there is one already, it stays as it is and its number is returned.
    async fn create(&self) -> Result<i32> {
        let fresh = to_json(&Device::new())?;
        let row = self.keys.create_device(&fresh).await.map_err(database)?;
        i32::try_from(row).map_err(|_| StoreError::Validation("the device's row number is too large".into()))
    }

    /// Refused: a snapshot would leave a copy of every key outside the sealed store.
    async fn snapshot_db(&self, _name: &str, _extra_content: Option<&[u8]>) -> Result<()> {
        Err(StoreError::Validation(
            "this store makes no snapshots: they would hold keys in the open".into(),
        ))
    }

    /// All sessions share one database and its page cache, so none of it is this session's own.
    async fn resource_report(&self) -> StorageResourceReport {
        StorageResourceReport {
            memory_bytes: Some(0),
            ..StorageResourceReport::default()
        }
    }
}
