//! What the protocol learns about its peers, and the messages on their way in and out.

use switchboard_store::keys::{LidMapping, TcToken};
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::store::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};

use super::{Backend, Result, database, from_json, to_json};

#[async_trait]
impl ProtocolStore for Backend {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        self.keys
            .sender_key_devices()
            .of_group(group_jid)
            .await
            .map_err(database)
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        self.keys
            .sender_key_devices()
            .put(group_jid, entries)
            .await
            .map_err(database)
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        self.keys
            .sender_key_devices()
            .clear_group(group_jid)
            .await
            .map_err(database)
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        self.keys
            .sender_key_devices()
            .delete_devices(device_jids)
            .await
            .map_err(database)
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        self.keys.sender_key_devices().clear().await.map_err(database)
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self.keys.lids().by_lid(lid).await.map_err(database)?.map(to_library))
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self
            .keys
            .lids()
            .by_phone_number(phone)
            .await
            .map_err(database)?
            .map(to_library))
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.keys.lids().put(vec![from_library(entry)]).await.map_err(database)
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        self.keys
            .lids()
            .put(entries.iter().map(from_library).collect())
            .await
            .map_err(database)
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        Ok(self
            .keys
            .lids()
            .all()
            .await
            .map_err(database)?
            .into_iter()
            .map(to_library)
            .collect())
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        self.keys
            .base_keys()
            .put(&[((address, message_id), base_key)])
            .await
            .map_err(database)
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Result<bool> {
        let saved = self
            .keys
            .base_keys()
            .get((address, message_id))
            .await
            .map_err(database)?;
        Ok(saved.is_some_and(|saved| saved == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.keys
            .base_keys()
            .delete(&[(address, message_id)])
            .await
            .map_err(database)
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let rows = records
            .iter()
            .map(|record| Ok((record.user.as_str(), to_json(record)?)))
            .collect::<Result<Vec<_>>>()?;
        self.keys.device_lists().put(&rows).await.map_err(database)
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        let stored = self.keys.device_lists().get(user).await.map_err(database)?;
        stored.map(|record| from_json(&record)).transpose()
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.keys.device_lists().delete(&[user]).await.map_err(database)
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        self.keys.groups().get(group_jid).await.map_err(database)
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.keys.groups().put(&[(group_jid, blob)]).await.map_err(database)
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.keys.groups().delete(&[group_jid]).await.map_err(database)
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        let stored = self.keys.tc_tokens().get(jid).await.map_err(database)?;
        Ok(stored.map(
            |TcToken {
                 token,
                 token_at,
                 sender_at,
             }| TcTokenEntry {
                token,
                token_timestamp: token_at,
                sender_timestamp: sender_at,
            },
        ))
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        let token = TcToken {
            token: entry.token.clone(),
            token_at: entry.token_timestamp,
            sender_at: entry.sender_timestamp,
        };
        self.keys.tc_tokens().put(jid, &token).await.map_err(database)
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        self.keys.tc_tokens().delete(jid).await.map_err(database)
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        self.keys.tc_tokens().jids().await.map_err(database)
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        self.keys
            .tc_tokens()
            .delete_expired(token_cutoff, sender_cutoff)
            .await
            .map_err(database)
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        self.keys
            .tc_tokens()
            .sent(jid, sender_timestamp)
            .await
            .map_err(database)
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        self.keys
            .tc_tokens()
            .received(jid, token, token_timestamp)
            .await
            .map_err(database)
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        self.keys
            .sent_messages()
            .put(chat_jid, message_id, payload)
            .await
            .map_err(database)
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        self.keys
            .sent_messages()
            .take(chat_jid, message_id)
            .await
            .map_err(database)
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.keys
            .sent_messages()
            .delete_older(cutoff_timestamp)
            .await
            .map_err(database)
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        self.keys
            .pending_inbound()
            .put(&[((chat, sender, id), message)])
            .await
            .map_err(database)
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        let plaintext = self.keys.pending_inbound().get((chat, sender, id)).await;
        let plaintext = plaintext.map_err(database)?;
        // The library asks when it can decrypt a message no more because it has done so before.
        if plaintext.is_none()
            && let Some(redelivery) = &self.redelivery
        {
            redelivery.came_again(chat, sender, id).await?;
        }
        Ok(plaintext)
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.keys
            .pending_inbound()
            .delete(&[(chat, sender, id)])
            .await
            .map_err(database)
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.keys
            .pending_inbound()
            .delete_older(cutoff_timestamp)
            .await
            .map_err(database)
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| ((row.chat, row.sender, row.id), row.message))
            .collect();
        self.keys.pending_inbound().put(&rows).await.map_err(database)
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let keys: Vec<_> = keys.iter().map(|key| (key.chat, key.sender, key.id)).collect();
        self.keys.pending_inbound().delete(&keys).await.map_err(database)
    }
}

fn to_library(mapping: LidMapping) -> LidPnMappingEntry {
    let LidMapping {
        lid,
        phone_number,
        created_at,
        updated_at,
        source,
    } = mapping;
    LidPnMappingEntry {
        lid,
        phone_number,
        created_at,
        updated_at,
        learning_source: source,
    }
}

fn from_library(entry: &LidPnMappingEntry) -> LidMapping {
    LidMapping {
        lid: entry.lid.clone(),
        phone_number: entry.phone_number.clone(),
        created_at: entry.created_at,
        updated_at: entry.updated_at,
        source: entry.learning_source.clone(),
    }
}
