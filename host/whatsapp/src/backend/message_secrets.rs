//! The secrets inside messages, with which votes, edits and reactions to them are decrypted.

use switchboard_store::keys::MessageSecret;
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::store::traits::{MsgSecretEntry, MsgSecretStore};

use super::{Backend, Result, database};

#[async_trait]
impl MsgSecretStore for Backend {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let rows: Vec<_> = entries
            .iter()
            .map(|entry| {
                let secret = MessageSecret {
                    secret: entry.secret.to_vec(),
                    message_at: entry.message_ts,
                };
                ((&*entry.chat, &*entry.sender, &*entry.msg_id), secret, entry.expires_at)
            })
            .collect();
        self.keys.message_secrets().put(&rows).await.map_err(database)?;
        Ok(entries.len())
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self
            .get_msg_secret_with_ts(chat, sender, msg_id)
            .await?
            .map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<(Vec<u8>, i64)>> {
        let found = self
            .keys
            .message_secrets()
            .get((chat, sender, msg_id))
            .await
            .map_err(database)?;
        Ok(found.map(|MessageSecret { secret, message_at }| (secret, message_at)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.keys
            .message_secrets()
            .delete_expired(cutoff_timestamp)
            .await
            .map_err(database)
    }
}
