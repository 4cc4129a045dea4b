//! Messages that will not come again, and that this device could not read or could not keep.
//!
//! There are three kinds:
//! * A copy of what the account's own phone sent, and that cannot be decrypted. Of a message of somebody else the library asks its
//!   sender for another copy; a phone sends no such copies again, so there the library only tells WhatsApp that the message arrived.
//! * A message of anybody that was decrypted, but the process was killed when the ratchet had been saved and the message had not.
//!   When WhatsApp sends it again, it is taken for a duplicate.
//! * A message of somebody else that cannot be decrypted, and for which its sender was never asked, or in vain: the connection broke
//!   before the question left, or every copy was damaged. WhatsApp has been told that it arrived.
//!
//! In each case the own phone has the message and can be asked what it says, in a message between the account's own devices. If it was
//! the phone's own, the two may have lost their common ratchet; then a fresh session is opened first, the phone uses that one too, and
//! its next messages can be read again.
//!
//! Until the answer is there the question stands in the key store. It is asked again at every connection, and after a while on one
//! that holds; that of the third kind not before that, because its sender mostly answers. After [`GIVEN_UP_AFTER`] phones do not answer
//! it any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchboard_core::clock::Clock;
use switchboard_core::ids::{SessionId, StanzaId};
use switchboard_store::keys::KeyStore;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use whatsapp_rust::types::message::{MessageInfo, MessageSource};
use whatsapp_rust::wacore::store::error::StoreError;
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::{Client, Jid, wacore};

use super::current::Current;
use super::news::News;
use super::rests::Rests;
use super::wire::Wire;
use crate::backend::{Redelivery, database, from_json, to_json};
use crate::jid;
use crate::masked::Masked;
use crate::sink::Sink;

/// WhatsApp Web's own limit for such questions.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long a fresh session is left alone. Messages that were on their way when it was opened cannot be decrypted either; that does
/// not mean that it is broken too.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// Asks a session's phone for what is missing.
pub(super) struct Repair {
    session: SessionId,
    keys: KeyStore,
    clock: Arc<dyn Clock>,
    sink: Arc<dyn Sink>,
    wire: Arc<Wire>,
    /// When the session with which of the account's devices was forgotten, so that the next message to it opens a fresh one. Held for
    /// the whole of a question: they are asked one at a time.
    opened: Mutex<HashMap<Jid, Instant>>,
    /// Something else is missing.
    noted: Notify,
}

/// A message that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Missing {
    /// Its sender's id for it.
    #[serde(skip)]
    pub(super) id: String,
    #[serde(with = "as_text")]
    pub(super) chat: Jid,
    #[serde(with = "as_text")]
    pub(super) sender: Jid,
    /// When it was sent, or when it was first missed; Unix seconds.
    pub(super) sent_s: i64,
}

impl Repair {
    pub(super) fn new(
        session: SessionId,
        keys: KeyStore,
        clock: Arc<dyn Clock>,
        sink: Arc<dyn Sink>,
        wire: Arc<Wire>,
    ) -> Self {
        Self {
            session,
            keys,
            clock,
            sink,
            wire,
            opened: Mutex::default(),
            noted: Notify::new(),
        }
    }

    /// Notes that a message is missing, and asks for it.
    pub(super) async fn begin(self: &Arc<Self>, missing: Missing, current: &Arc<Current<Arc<Client>>>) {
        tracing::warn!(session = %self.session, stanza_id = %missing.id, "a message is missing; the phone is asked what it says");
        self.remember(&missing).await;
        self.ask(missing, current);
    }

    /// Notes that a message may be missing. If it still is after a while, or when the line is connected the next time, the phone is asked
    /// for it.
    pub(super) async fn remember(&self, missing: &Missing) {
        if let Err(error) = self.note(missing).await {
            tracing::error!(session = %self.session, %error, "the question could not be noted, and will not be asked again");
        }
    }

    /// The line is connected: asks for everything that is still missing, again and again for as long as the client lives.
    pub(super) async fn go_on(self: Arc<Self>, current: Arc<Current<Arc<Client>>>) {
        let Some(in_use) = current.get().await else { return };
        let mut rests = Rests::default();
        loop {
            self.ask_for_all(&current).await;
            if in_use.wait(rests.rest(&self.noted)).await.is_none() {
                return;
            }
        }
    }

    async fn ask_for_all(self: &Arc<Self>, current: &Arc<Current<Arc<Client>>>) {
        let messages = match self.still_missing().await {
            Ok(messages) => messages,
            Err(error) => {
                tracing::error!(session = %self.session, %error, "the messages that are still missing cannot be read");
                return;
            }
        };
        for missing in messages {
            match self.arrived(&missing).await {
                Some(id) => self.finish(&[id]).await,
                None => self.ask(missing, current),
            }
        }
    }

    /// The id of a message that has come after all.
    async fn arrived(&self, missing: &Missing) -> Option<StanzaId> {
        let id = missing.id.parse().ok()?;
        let (chat, sender) = jid::bare(&missing.chat).zip(jid::bare(&missing.sender))?;
        let known = self.sink.knows(&self.session, &chat, &sender, &id).await;
        known.unwrap_or(false).then_some(id)
    }

    /// Messages have come and are kept.
    pub(super) async fn finish(&self, messages: &[StanzaId]) {
        let ids: Vec<_> = messages.iter().map(StanzaId::as_str).collect();
        if let Err(error) = self.keys.unreadable().delete(&ids).await {
            tracing::warn!(session = %self.session, %error, "the phone will be asked once more for what it has told");
        }
    }

    async fn note(&self, missing: &Missing) -> Result<(), StoreError> {
        let value = to_json(missing)?;
        self.keys
            .unreadable()
            .put(&missing.id, &value)
            .await
            .map_err(database)?;
        self.noted.notify_one();
        Ok(())
    }

    async fn still_missing(&self) -> Result<Vec<Missing>, StoreError> {
        // Mostly it is nothing, and then nothing is written either.
        if self.keys.unreadable().all().await.map_err(database)?.is_empty() {
            return Ok(Vec::new());
        }
        let cutoff = self.clock.now().as_secs() - i64::try_from(GIVEN_UP_AFTER.as_secs()).unwrap_or(i64::MAX);
        let given_up = self.keys.unreadable().delete_older(cutoff).await.map_err(database)?;
        if given_up > 0 {
            tracing::warn!(session = %self.session, given_up, "messages are missing for good");
        }
        let rows = self.keys.unreadable().all().await.map_err(database)?;
        rows.into_iter()
            .map(|(id, value)| {
                Ok(Missing {
                    id,
                    ..from_json(&value)?
                })
            })
            .collect()
    }

    /// Asks on a task of its own: the question waits until everything that queued up has been delivered.
    fn ask(self: &Arc<Self>, missing: Missing, current: &Arc<Current<Arc<Client>>>) {
        let (repair, current) = (Arc::clone(self), Arc::clone(current));
        tokio::spawn(async move {
            let Some(in_use) = current.get().await else { return };
            let asked = in_use.wait(repair.question(in_use.client(), &missing)).await;
            if let Some(Err(reason)) = asked {
                tracing::warn!(session = %repair.session, stanza_id = %missing.id, %reason, "the phone could not be asked; it will be asked again");
            }
        });
    }

    async fn question(&self, client: &Arc<Client>, missing: &Missing) -> Result<(), Masked> {
        let mut opened = self.opened.lock().await;
        let sender = &missing.sender;
        let from_me = [client.pn(), client.lid()]
            .iter()
            .flatten()
            .any(|own| own.is_same_user_as(sender));
        if from_me && opened.get(sender).is_none_or(|at| at.elapsed() > FRESH_FOR) {
            let forgotten = client.signal().delete_sessions(std::slice::from_ref(sender)).await;
            forgotten.map_err(|error| Masked::chain(&error))?;
            opened.insert(sender.clone(), Instant::now());
        }
        let info = Arc::new(missing.info(from_me));
        let asked = client.send_pdo_placeholder_resend_request(&info).await;
        asked.map_err(|error| Masked::chain(error.as_ref()))
    }
}

#[async_trait]
impl Redelivery for Repair {
    async fn came_again(&self, chat: &str, sender: &str, id: &str) -> Result<(), StoreError> {
        let (Ok(chat), Ok(sender)) = (chat.parse::<Jid>(), sender.parse::<Jid>()) else {
            return Ok(());
        };
        let ours = (jid::bare(&chat), jid::bare(&sender), id.parse::<StanzaId>());
        let (Some(in_chat), Some(from), Ok(stanza_id)) = ours else {
            return Ok(());
        };
        let known = self.sink.knows(&self.session, &in_chat, &from, &stanza_id).await;
        if known.map_err(|problem| StoreError::Database(problem.into()))? {
            return Ok(());
        }
        let missing = Missing {
            id: id.to_owned(),
            chat,
            sender,
            sent_s: self.clock.now().as_secs(),
        };
        self.note(&missing).await?;
        self.wire.tell(News::Missing(missing));
        Ok(())
    }
}

impl From<&MessageInfo> for Missing {
    fn from(info: &MessageInfo) -> Self {
        Self {
            id: info.id.clone(),
            chat: info.source.chat.clone(),
            sender: info.source.sender.clone(),
            sent_s: info.timestamp.timestamp(),
        }
    }
}

impl Missing {
    fn info(&self, from_me: bool) -> MessageInfo {
        MessageInfo {
            id: self.id.clone(),
            source: MessageSource {
                recipient: from_me.then(|| self.chat.clone()),
                chat: self.chat.clone(),
                sender: self.sender.clone(),
                is_from_me: from_me,
                is_group: self.chat.is_group(),
                ..Default::default()
            },
            timestamp: wacore::time::from_secs_or_now(self.sent_s),
            ..Default::default()
        }
    }
}

/// Addresses as people write them.
mod as_text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use whatsapp_rust::Jid;

    pub(super) fn serialize<S: Serializer>(jid: &Jid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(jid)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Jid, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
