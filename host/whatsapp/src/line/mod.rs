//! A line: one session's connection to WhatsApp, and the one task that owns it.
//!
//! | file | what it knows |
//! |---|---|
//! | `state` | what is true about a line |
//! | `handle` | the [`Line`] that callers hold |
//! | `task` | the task: one client after another, never two, and why each ended |
//! | `wish` | what is wanted of a line |
//! | `sockets` | how far a client's sockets have got, and what the end of one means |
//! | `board` | where the task writes down what is true |
//! | `news` | what the task is told |
//! | `pairing_code` | codes to type on the phone |
//! | `passkey` | what WhatsApp may ask before it links a device |
//! | `bot` | how the protocol library's client is set up |
//! | `asks` | what the task asks of its client |
//! | `current` | the client of this moment, and who uses it |
//! | `ears` | the library's events as ours |
//! | `inbound` | messages, committed before WhatsApp hears of it |
//! | `ratchet` | what must be saved before a message leaves |
//! | `repair` | what will not come again, and is asked of the own phone |
//! | `rests` | when it is asked again |
//! | `wire` | what the socket is doing |
//! | `watchdog` | when an open socket is dead |
//! | `loss` | why a connection was lost, and what patience that asks for |
//! | `backoff` | how long to wait before the next client |
//! | `lease` | one line per session, whoever asks |

mod asks;
mod backoff;
mod board;
mod bot;
mod current;
mod ears;
mod handle;
mod inbound;
pub(crate) mod lease;
pub(crate) mod loss;
mod news;
mod pairing_code;
mod passkey;
pub(crate) mod ratchet;
mod repair;
mod rests;
mod sockets;
pub(crate) mod state;
mod task;
mod watchdog;
pub(crate) mod wire;
mod wish;

use async_trait::async_trait;
use bytes::Bytes;
use switchboard_core::ids::{Jid, PhoneNumber, StanzaId};
use tokio::sync::watch;

use self::state::{Health, LineState};
use crate::masked::Masked;

pub(crate) use self::handle::open;

/// What a line is opened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To link the session: the line shows QR codes, fresh ones for as long as it is wanted. Keys that WhatsApp no longer knows
    /// are forgotten first. If the session turns out to be linked already, the line simply connects.
    Link,
    /// The same by codes that are typed on the phone with this number.
    LinkByCode(PhoneNumber),
    /// To connect a session that is linked. Without usable keys the line ends as logged out.
    Resume,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The id under which WhatsApp knows it; the same message must keep it however often it is sent.
    pub stanza_id: StanzaId,
    /// The conversation.
    pub chat: Jid,
    /// The encoded message, as [`encode`](crate::encode) made it.
    pub wire: Bytes,
}

/// An account that WhatsApp knows by a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The account's address by number. It may differ from the number asked for.
    pub jid: Jid,
    /// The account's number-free address, if WhatsApp told it.
    pub lid: Option<Jid>,
}

/// What is shown in a chat before a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// Somebody writes.
    Writing,
    /// Somebody records a voice note.
    Recording,
    /// Neither.
    Paused,
}

/// Why it is not known that a message was written to the socket.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The line is not ready, or its client has ended meanwhile and the message may have left. It is to be sent again, under its id.
    #[error("the line to WhatsApp is not connected")]
    NotConnected,
    /// This message can never be sent: its bytes or its recipient are not fit for WhatsApp.
    #[error("the message cannot be sent: {0}")]
    Refused(Masked),
    /// Something failed on the way: a query, an encryption, the database. It may be tried again.
    #[error("the message could not be sent")]
    Internal(#[source] Masked),
}

/// Why a line could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The line is not ready.
    #[error("the line to WhatsApp is not connected")]
    NotConnected,
    /// WhatsApp did not answer, or not in a way that can be understood.
    #[error("WhatsApp did not answer the question")]
    Query(#[source] Masked),
    /// The line ended with the session's keys still there: they could not be wiped, or the line had been stopped before.
    #[error("the session's keys could not be wiped")]
    Keys,
}

/// One session's line. Dropping it stops it.
#[async_trait]
pub trait Line: Send + Sync + 'static {
    /// What is true about the line now, and whatever becomes true. When the status [is final](state::LineStatus::is_final),
    /// the line has ended and its keys are free for another.
    fn state(&self) -> watch::Receiver<LineState>;

    /// How the connection is doing, at this moment.
    fn health(&self) -> Health;

    /// Writes a message to the socket. The outcome comes as [`ServerAck`](switchboard_core::event::LineEvent::ServerAck).
    ///
    /// # Errors
    /// When it is not known that it was written.
    async fn send(&self, message: Outgoing) -> Result<(), SendError>;

    /// Asks WhatsApp for the account with this number.
    ///
    /// # Errors
    /// When the line is not ready, or there is no answer.
    async fn is_on_whatsapp(&self, number: &PhoneNumber) -> Result<Option<Registered>, LineError>;

    /// Tells WhatsApp that a message was read; in a group `sender` wrote it.
    ///
    /// # Errors
    /// When the line is not ready, or the receipt could not be written.
    async fn mark_read(&self, chat: &Jid, sender: Option<&Jid>, message: &StanzaId) -> Result<(), LineError>;

    /// Shows in a chat that somebody writes or records, or does so no more.
    ///
    /// # Errors
    /// When the line is not ready, or that could not be written.
    async fn show_typing(&self, chat: &Jid, typing: Typing) -> Result<(), LineError>;

    /// Removes the device from the account, wipes its keys and ends the line. Without a connection WhatsApp cannot be told:
    /// then the phone goes on listing the device until it is removed there.
    ///
    /// # Errors
    /// When the keys could not be wiped.
    async fn logout(&self) -> Result<(), LineError>;

    /// Closes the socket, keeps the link, and ends the line. Returns when everything is saved, or after 15 seconds without it.
    async fn stop(&self);
}
