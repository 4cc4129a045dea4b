//! What a phone receives: decrypted, logged, and answered with a receipt. What it cannot decrypt it asks for again.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::messages::{decode_plaintext, unwrap_device_sent};
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::buffa::Message as _;
use whatsapp_rust::waproto::whatsapp as wa;

use super::content::ReceivedMessage;
use super::{placeholder, retry, state};
use crate::account::Account;
use crate::address::DeviceAddress;
use crate::blob::Blob;
use crate::server::Server;
use crate::stanza::Stanza as _;

/// The most messages in a phone's log; beyond it the oldest are forgotten.
const CAPACITY: usize = 1000;
/// The most messages that a phone waits for at a time.
const AWAITED: usize = 1000;
const PADDING_VERSION: u8 = 2;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Inbox {
    messages: VecDeque<Logged>,
    /// How often each message that could not be read was asked for.
    awaited: HashMap<String, u8>,
}

#[derive(Serialize, Deserialize)]
struct Logged {
    message: ReceivedMessage,
    /// The sender's account as the stanza named it; receipts must name it the same way.
    sender: String,
    /// The message as it was decrypted.
    #[serde(default)]
    content: Blob,
}

impl Inbox {
    pub(super) fn messages(&self) -> impl Iterator<Item = &ReceivedMessage> {
        self.messages.iter().map(|logged| &logged.message)
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whom to tell that a message was read.
    pub(super) fn sender_of(&self, id: &str) -> Option<Jid> {
        let logged = self.messages.iter().rev().find(|logged| logged.message.id == id)?;
        logged.sender.parse().ok()
    }

    /// What a message says.
    pub(super) fn content(&self, id: &str) -> Option<wa::Message> {
        let logged = self.messages.iter().rev().find(|logged| logged.message.id == id)?;
        wa::Message::decode_from_slice(&logged.content).ok()
    }

    fn log(&mut self, message: ReceivedMessage, sender: &Jid, content: &wa::Message) {
        if self.messages.len() == CAPACITY {
            self.messages.pop_front();
        }
        self.messages.push_back(Logged {
            message,
            sender: sender.to_non_ad().to_string(),
            content: content.encode_to_vec().into(),
        });
    }

    /// The number of the next request for a message that could not be read.
    pub(super) fn next_request(&mut self, id: &str) -> u8 {
        if self.awaited.len() >= AWAITED {
            self.awaited.clear();
        }
        let count = self.awaited.entry(id.to_owned()).or_default();
        *count += 1;
        *count
    }
}

/// A message reaches the phone. The answers: a delivery receipt, or a request to send it again.
pub(super) fn receive(server: &Server, account: &Account, stanza: &Node) -> Vec<Node> {
    let Some(from) = stanza.address("from") else {
        return Vec::new();
    };
    let Some(sender) = server.directory.resolve_device(&from) else {
        return Vec::new();
    };
    let mut phone = account.phone.lock();
    let content = match decrypt(server, &mut phone, &sender, stanza) {
        Some(content) => content,
        None => {
            return retry::request(server, &mut phone, account, stanza)
                .into_iter()
                .collect();
        }
    };
    let id = stanza.text("id").unwrap_or_default().into_owned();
    phone.inbox.awaited.remove(&id);
    state::replenish(&mut phone, account, &server.random);
    if stanza.text("category").as_deref() == Some("peer") {
        return placeholder::answer(server, &mut phone, &sender, &id, &content)
            .into_iter()
            .collect();
    }
    let from_me = sender.number == account.number;
    let message = ReceivedMessage {
        id: id.clone(),
        from: sender.number.to_string(),
        chat: chat(server, &sender, stanza, from_me),
        from_me,
        timestamp: server.clock.unix_seconds(),
        ..Default::default()
    };
    let content = unwrap_device_sent(content);
    phone.inbox.log(message.describe(&content), &from, &content);
    if from_me {
        return Vec::new();
    }
    vec![NodeBuilder::new("receipt").attr("to", from).attr("id", id).build()]
}

fn decrypt(
    server: &Server,
    phone: &mut state::PhoneState,
    sender: &DeviceAddress,
    stanza: &Node,
) -> Option<wa::Message> {
    let ciphertext = stanza.get_optional_child("enc")?;
    let kind = ciphertext.text("type").unwrap_or_default();
    phone
        .signal
        .decrypt(sender, &kind, ciphertext.content_bytes(), &server.random)
        .inspect_err(|error| tracing::debug!(%sender, %error, "a phone cannot decrypt a message"))
        .ok()
        .and_then(|plaintext| decode_plaintext(&plaintext, PADDING_VERSION).ok())
}

/// The number of the other side of the conversation.
fn chat(server: &Server, sender: &DeviceAddress, stanza: &Node, from_me: bool) -> String {
    let recipient = stanza
        .address("recipient")
        .filter(|_| from_me)
        .and_then(|jid| server.directory.resolve(&jid));
    match recipient {
        Some(account) => account.number.to_string(),
        None => sender.number.to_string(),
    }
}
