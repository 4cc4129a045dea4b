//! What a phone sends: one message, encrypted for every device of the recipient and, as a copy, for its own companions.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::messages::{MessageUtils, wrap_device_sent};
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::buffa::Message as _;
use whatsapp_rust::waproto::whatsapp as wa;

use super::signal::Sealed;
use super::state::PhoneState;
use super::{PhoneError, fetch_bundle, phone_of};
use crate::account::{Account, Addressing};
use crate::address::{DeviceAddress, Number, PHONE_DEVICE};
use crate::blob::Blob;
use crate::message::message_ids;
use crate::server::Server;
use crate::stanza::Stanza as _;

/// The most messages a phone keeps to answer retries from, and the most receipts it remembers.
const CAPACITY: usize = 500;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Outbox {
    sent: VecDeque<Sent>,
    receipts: VecDeque<SeenReceipt>,
}

/// A message as it was sent, before encryption.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    id: String,
    pub(super) to: Number,
    content: Blob,
}

/// A receipt that a phone got for a message it had sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenReceipt {
    /// The message it is about.
    pub message_id: String,
    /// The number of the account that sent the receipt.
    pub from: String,
    /// The device of that account.
    pub device: u16,
    /// `delivered`, `read`, `played` or `inactive`.
    pub kind: String,
}

impl Outbox {
    fn keep(&mut self, sent: Sent) {
        push_bounded(&mut self.sent, sent);
    }

    pub(super) fn find(&self, id: &str) -> Option<&Sent> {
        self.sent.iter().rev().find(|sent| sent.id == id)
    }

    pub(super) fn receipts(&self, id: &str) -> Vec<SeenReceipt> {
        let matching = self.receipts.iter().filter(|receipt| receipt.message_id == id);
        matching.cloned().collect()
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == CAPACITY {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Sent {
    /// The plaintext for a device: the message itself, or a copy that says whom it went to for an own companion.
    pub(super) fn plaintext(&self, own_companion: bool) -> Result<Vec<u8>, PhoneError> {
        let content = self.content().ok_or(PhoneError::Unencodable)?;
        let content = if own_companion {
            wrap_device_sent(
                content,
                DeviceAddress::new(self.to.clone(), PHONE_DEVICE).jid().to_string(),
            )
        } else {
            content
        };
        Ok(MessageUtils::encode_and_pad(&content))
    }

    /// What it says.
    pub(super) fn content(&self) -> Option<wa::Message> {
        wa::Message::decode_from_slice(&self.content).ok()
    }
}

/// Encrypts a message for all devices concerned and sends it. Returns its id.
pub(super) fn send(
    server: &Server,
    account: &Account,
    to: &Number,
    content: &wa::Message,
) -> Result<String, PhoneError> {
    let recipient = server
        .directory
        .get(to)
        .ok_or_else(|| PhoneError::NotOnWhatsApp(to.clone()))?;
    let id = message_id(server);
    let sent = Sent {
        id: id.clone(),
        to: to.clone(),
        content: content.encode_to_vec().into(),
    };
    let mut devices = devices_of(account);
    devices.retain(|device| device.device != PHONE_DEVICE);
    if recipient.number != account.number {
        devices.extend(devices_of(&recipient));
    }
    let participants = {
        let mut phone = account.phone.lock();
        let participants: Result<Vec<Node>, PhoneError> = devices
            .iter()
            .map(|device| {
                let plaintext = sent.plaintext(device.number == account.number)?;
                let sealed = seal(server, &mut phone, device, &plaintext)?;
                let jid = device.jid();
                Ok(NodeBuilder::new("to")
                    .attr("jid", jid)
                    .children([enc(&sealed, 0)])
                    .build())
            })
            .collect();
        phone.outbox.keep(sent);
        participants?
    };
    server.saver.touch(&account.number);
    let message = NodeBuilder::new("message")
        .attr("to", recipient.jid(Addressing::Number, 0))
        .attr("id", id.as_str())
        .attr("type", "text")
        .children([NodeBuilder::new("participants").children(participants).build()])
        .build();
    server.deliver_from(&phone_of(account), &message);
    Ok(id)
}

fn devices_of(account: &Account) -> Vec<DeviceAddress> {
    let registry = account.registry.lock();
    let device = |id: &u16| DeviceAddress::new(account.number.clone(), *id);
    registry.devices.keys().map(device).collect()
}

/// Encrypts for a device; the first time, with keys fetched for it.
pub(super) fn seal(
    server: &Server,
    phone: &mut PhoneState,
    device: &DeviceAddress,
    plaintext: &[u8],
) -> Result<Sealed, PhoneError> {
    if !phone.signal.has_session(device) {
        let bundle = fetch_bundle(server, device).ok_or(PhoneError::UnknownDevice(device.device))?;
        phone.signal.open_session(device, &bundle, &server.random)?;
    }
    Ok(phone.signal.encrypt(device, plaintext)?)
}

/// The node that carries a ciphertext; a repeated message says how often it was asked for.
pub(super) fn enc(sealed: &Sealed, count: u8) -> Node {
    let mut node = NodeBuilder::new("enc").attr("v", "2").attr("type", sealed.kind);
    if count > 0 {
        node = node.attr("count", count);
    }
    node.bytes(sealed.bytes.clone()).build()
}

/// Ids in the form that phones choose.
fn message_id(server: &Server) -> String {
    let digits = server.random.bytes::<9>().map(|byte| format!("{byte:02X}"));
    format!("3A{}", digits.concat())
}

/// Remembers that a message was delivered, read or played.
pub(super) fn note_receipt(server: &Server, account: &Account, receipt: &Node) {
    let Some(author) = receipt
        .address("from")
        .and_then(|jid| server.directory.resolve_device(&jid))
    else {
        return;
    };
    let kind = receipt.text("type").unwrap_or("delivered".into());
    let mut phone = account.phone.lock();
    for message_id in message_ids(receipt) {
        let seen = SeenReceipt {
            message_id,
            from: author.number.to_string(),
            device: author.device,
            kind: kind.to_string(),
        };
        push_bounded(&mut phone.outbox.receipts, seen);
    }
}
