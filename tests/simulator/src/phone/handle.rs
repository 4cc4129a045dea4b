//! A phone in somebody's hand: what a person can do with it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use whatsapp_rust::wacore::libsignal::protocol::{CurveError, SignalProtocolError};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::whatsapp as wa;

use super::outbox::{self, SeenReceipt};
use super::{ReceivedMessage, phone_of};
use crate::account::{Account, Addressing};
use crate::address::{DeviceAddress, InvalidNumber, Number, PHONE_DEVICE};
use crate::login::conflict;
use crate::pairing;
use crate::server::Server;

/// A virtual phone. Clones are the same phone.
#[derive(Clone)]
pub struct Phone {
    server: Arc<Server>,
    account: Arc<Account>,
}

/// A companion that has been linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedDevice {
    /// The account's number.
    pub phone: String,
    /// The device id, from 1.
    pub device: u16,
    /// Both, as WhatsApp writes them.
    pub jid: String,
}

impl LinkedDevice {
    pub(crate) fn new(address: &DeviceAddress) -> Self {
        Self {
            phone: address.number.to_string(),
            device: address.device,
            jid: address.jid().to_string(),
        }
    }
}

/// Why a phone could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The number of the phone, or of a recipient, is none.
    #[error(transparent)]
    InvalidNumber(#[from] InvalidNumber),
    /// The text is no QR code for linking; the part named is missing or damaged.
    #[error("this is not a QR code for linking a device: {0} is missing or damaged")]
    InvalidQr(&'static str),
    /// The text is no code for linking.
    #[error("a linking code has 8 characters, digits 1 to 9 and letters without I, O and U")]
    InvalidCode,
    /// The server never gave out this ref.
    #[error("the server does not know the ref in this QR code")]
    UnknownRef,
    /// The ref was used, its time is over, or the client that showed it is gone.
    #[error("this QR code has been used or has expired: scan a fresh one")]
    ExpiredRef,
    /// No client asked for a code for this number.
    #[error("no device is waiting for a code for this number, or its time is over")]
    NoCodeOutstanding,
    /// The companion shows another code.
    #[error("the code is wrong: compare it with the one that the device shows")]
    WrongCode,
    /// WhatsApp links nothing to this account without its passkey.
    #[error("WhatsApp asks the device for the account's passkey before it links it")]
    PasskeyRequired,
    /// The companion did not accept what the server sent.
    #[error("the device refused to be linked: {0}")]
    LinkRefused(String),
    /// The companion closed its connection in the middle of the pairing.
    #[error("the device went away before it was linked")]
    CompanionGone,
    /// The companion did not answer.
    #[error("the device did not confirm in time")]
    CompanionSilent,
    /// There is no account with this number.
    #[error("{0} is not on WhatsApp")]
    NotOnWhatsApp(Number),
    /// The phone's log has no message with this id from somebody else.
    #[error("this phone has no message with this id")]
    UnknownMessage,
    /// The account has no companion with this id.
    #[error("this account has no linked device {0}")]
    UnknownDevice(u16),
    /// A stored message cannot be read.
    #[error("the message cannot be encoded")]
    Unencodable,
    /// Nothing that was waited for came in time.
    #[error("no such message arrived within {0:?}")]
    NothingArrived(Duration),
    /// Encryption failed.
    #[error("encryption failed: {0}")]
    Signal(#[from] SignalProtocolError),
    /// A key could not be used.
    #[error("a key cannot be used: {0}")]
    Key(#[from] CurveError),
}

impl Phone {
    pub(crate) fn new(server: Arc<Server>, account: Arc<Account>) -> Self {
        Self { server, account }
    }

    /// The phone's number, in digits.
    pub fn number(&self) -> &str {
        self.account.number.as_str()
    }

    /// The user part of the account's LID.
    pub fn lid(&self) -> &str {
        &self.account.lid
    }

    /// Scans a QR code and waits until the companion has confirmed.
    ///
    /// # Errors
    /// When the code is damaged, unknown, used or expired, or the companion does not confirm.
    pub async fn scan_qr(&self, qr: &str) -> Result<LinkedDevice, PhoneError> {
        pairing::scan_qr(&self.server, &self.account, qr).await
    }

    /// Types the code that a companion shows, and waits until the companion has confirmed.
    ///
    /// # Errors
    /// When nobody asked for a code for this number, it is wrong, or the companion does not confirm.
    pub async fn enter_code(&self, code: &str) -> Result<LinkedDevice, PhoneError> {
        pairing::enter_code(&self.server, &self.account, code).await
    }

    /// Sends a text to a number, encrypted for each device, and to the own companions. Returns the message id.
    ///
    /// # Errors
    /// When the number is none or is not on WhatsApp, or encryption fails.
    pub async fn send_text(&self, to: &str, text: &str) -> Result<String, PhoneError> {
        let content = wa::Message {
            conversation: Some(text.to_owned()),
            ..Default::default()
        };
        outbox::send(&self.server, &self.account, &Number::parse(to)?, &content)
    }

    /// What the phone received and could decrypt, oldest first; the last 1000.
    pub fn messages(&self) -> Vec<ReceivedMessage> {
        self.account.phone.lock().inbox.messages().cloned().collect()
    }

    /// The receipts for a message that this phone sent.
    pub fn receipts(&self, message_id: &str) -> Vec<SeenReceipt> {
        self.account.phone.lock().outbox.receipts(message_id)
    }

    /// Waits for a message that `wanted` accepts; one that is there already counts.
    ///
    /// # Errors
    /// When none has come within `patience`.
    pub async fn wait_for_message(
        &self,
        patience: Duration,
        wanted: impl Fn(&ReceivedMessage) -> bool,
    ) -> Result<ReceivedMessage, PhoneError> {
        let find = || {
            self.account
                .phone
                .lock()
                .inbox
                .messages()
                .find(|message| wanted(message))
                .cloned()
        };
        self.wait_for(patience, find).await
    }

    /// Waits for a receipt for a message that this phone sent.
    ///
    /// # Errors
    /// When none that `wanted` accepts has come within `patience`.
    pub async fn wait_for_receipt(
        &self,
        patience: Duration,
        message_id: &str,
        wanted: impl Fn(&SeenReceipt) -> bool,
    ) -> Result<SeenReceipt, PhoneError> {
        let find = || self.receipts(message_id).into_iter().find(|receipt| wanted(receipt));
        self.wait_for(patience, find).await
    }

    async fn wait_for<T>(&self, patience: Duration, find: impl Fn() -> Option<T>) -> Result<T, PhoneError> {
        let mut news = self.account.news.subscribe();
        let search = async {
            loop {
                if let Some(found) = find() {
                    return found;
                }
                if news.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(patience, search)
            .await
            .map_err(|_| PhoneError::NothingArrived(patience))
    }

    /// Tells the sender of a message that it was read.
    ///
    /// # Errors
    /// When the phone has no such message.
    pub async fn mark_read(&self, message_id: &str) -> Result<(), PhoneError> {
        self.send_receipt("read", message_id)
    }

    /// Tells the sender of a voice note that it was played.
    ///
    /// # Errors
    /// When the phone has no such message.
    pub async fn mark_played(&self, message_id: &str) -> Result<(), PhoneError> {
        self.send_receipt("played", message_id)
    }

    fn send_receipt(&self, kind: &'static str, message_id: &str) -> Result<(), PhoneError> {
        let sender = self.account.phone.lock().inbox.sender_of(message_id);
        let receipt = NodeBuilder::new("receipt")
            .attr("to", sender.ok_or(PhoneError::UnknownMessage)?)
            .attr("id", message_id)
            .attr("type", kind)
            .build();
        self.server.deliver_from(&phone_of(&self.account), &receipt);
        Ok(())
    }

    /// Shows the recipient that somebody types, or no longer does.
    ///
    /// # Errors
    /// When the number is none or is not on WhatsApp.
    pub fn set_typing(&self, to: &str, typing: bool) -> Result<(), PhoneError> {
        let to = Number::parse(to)?;
        let recipient = self.server.directory.get(&to).ok_or(PhoneError::NotOnWhatsApp(to))?;
        let state = NodeBuilder::new(if typing { "composing" } else { "paused" }).build();
        let notice = NodeBuilder::new("chatstate")
            .attr("to", recipient.jid(Addressing::Number, 0))
            .children([state])
            .build();
        self.server.deliver_from(&phone_of(&self.account), &notice);
        Ok(())
    }

    /// The ids of the linked companions.
    pub fn companions(&self) -> Vec<u16> {
        let registry = self.account.registry.lock();
        let ids = registry.devices.keys().copied();
        ids.filter(|id| *id != PHONE_DEVICE).collect()
    }

    /// Logs a companion out.
    ///
    /// # Errors
    /// When the account has no such companion.
    pub fn unlink(&self, device: u16) -> Result<(), PhoneError> {
        if !self.companions().contains(&device) {
            return Err(PhoneError::UnknownDevice(device));
        }
        if let Some(link) = super::remove_companion(&self.server, &self.account, device) {
            link.close_with(conflict("device_removed"));
        }
        Ok(())
    }

    /// Logs all companions out.
    ///
    /// # Errors
    /// Never, unless another caller unlinks at the same time.
    pub fn unlink_all(&self) -> Result<(), PhoneError> {
        self.companions().into_iter().try_for_each(|device| self.unlink(device))
    }
}
