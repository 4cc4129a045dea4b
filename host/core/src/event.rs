//! What a line to WhatsApp tells the host, in the host's own words.
//!
//! An inbound message must be committed before WhatsApp is told that it arrived, so it travels as [`InboundMessage`] through a
//! call that is awaited. Everything else is a [`LineEvent`], in the order of arrival.

use crate::clock::UnixMillis;
use crate::content::Content;
use crate::ids::{Jid, PhoneNumber, StanzaId};

/// The WhatsApp account that a session is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's number.
    pub number: PhoneNumber,
    /// The linked device's number under the account; 0 is the phone itself.
    pub device: u16,
    /// The account's number-free address, if WhatsApp has told it.
    pub lid: Option<Jid>,
    /// The name shown to others, if WhatsApp has told it.
    pub push_name: Option<String>,
}

/// A message that arrived, or one that another device of the same account sent.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundMessage {
    /// The conversation: the other person, or the group.
    pub chat: Jid,
    /// Who wrote it.
    pub sender: Jid,
    /// The sender's other address: the number's for a LID and the reverse.
    pub sender_alt: Option<Jid>,
    /// Written by another device of this session's own account.
    pub from_me: bool,
    /// The sender's id for it; unique only together with chat and sender.
    pub stanza_id: StanzaId,
    /// When it was sent, by WhatsApp's clock.
    pub at: UnixMillis,
    /// The sender's name as WhatsApp shows it.
    pub push_name: Option<String>,
    /// What it says.
    pub content: Content,
    /// The encoded `wa.Message` as it was decrypted, so that nothing of it is lost.
    pub wire: Vec<u8>,
}

/// How far a recipient's device has come with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// It is on the device.
    Delivered,
    /// It was shown.
    Read,
    /// It was played.
    Played,
}

/// Why a session is no longer linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutReason {
    /// The device was removed on the phone.
    RemovedByPhone,
    /// We asked for it.
    Requested,
    /// WhatsApp refused the device at login, with this failure reason.
    Refused(u16),
    /// The session's keys are not on this machine any more.
    KeysLost,
}

/// What happened on a line, besides messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// A QR scan or a pairing code linked the session to this account.
    Linked(Account),
    /// The line is connected and logged in. Sent again after every reconnection.
    Ready,
    /// WhatsApp's server took a message, or refused it.
    ServerAck {
        /// The message.
        stanza_id: StanzaId,
        /// The refusal, such as 463 (a first message to a stranger is not allowed now) or 479.
        error: Option<u16>,
        /// When, by our clock.
        at: UnixMillis,
    },
    /// A recipient's device reported on messages.
    Receipt {
        /// How far it has come.
        kind: ReceiptKind,
        /// The conversation.
        chat: Jid,
        /// Who reported.
        sender: Jid,
        /// The messages.
        stanza_ids: Vec<StanzaId>,
        /// When, by WhatsApp's clock.
        at: UnixMillis,
    },
    /// The session is no longer linked. The line has wiped its keys.
    LoggedOut(LogoutReason),
}
