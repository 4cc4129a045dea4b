//! An emoji on a message.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Jid, StanzaId};

/// An emoji on a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// One emoji; empty when the reaction was taken back.
    pub emoji: String,
    /// The message.
    pub message: MessageKey,
}

/// What WhatsApp knows a message by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageKey {
    /// The conversation, as the one sees it who speaks of the message.
    pub chat: Jid,
    /// Whether the one who speaks of the message wrote it.
    pub from_me: bool,
    /// Its id in the conversation.
    pub id: StanzaId,
    /// Who wrote it, in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Jid>,
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reaction({} bytes)", self.emoji.len())
    }
}
