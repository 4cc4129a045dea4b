//! Virtual phones: device 0 of every account, a Signal client without a socket.
//!
//! A phone really decrypts what it receives and really encrypts what it sends. It is always there, delivers at once, and
//! sends delivery receipts by itself; it reads, plays, types, answers and unlinks when told.

mod content;
mod handle;
mod inbox;
mod key_share;
mod outbox;
mod peer;
mod placeholder;
mod retry;
mod signal;
pub(crate) mod state;

use whatsapp_rust::wacore_binary::Node;

pub use self::content::ReceivedMessage;
pub use self::handle::{LinkedDevice, Phone, PhoneError};
pub(crate) use self::key_share::share as share_app_state_key;
pub use self::outbox::SeenReceipt;
use crate::account::Account;
use crate::address::{DeviceAddress, PHONE_DEVICE};
use crate::connection::Link;
use crate::device::Bundle;
use crate::pairing;
use crate::server::Server;
use crate::stanza::Stanza as _;

/// A stanza reaches a phone; what it says in answer comes back.
pub(crate) fn receive(server: &Server, account: &Account, stanza: &Node) -> Vec<Node> {
    let answers = match stanza.tag.as_ref() {
        "message" => inbox::receive(server, account, stanza),
        "receipt" if stanza.text("type").as_deref() == Some("retry") => {
            retry::answer(server, account, stanza).into_iter().collect()
        }
        "receipt" => {
            outbox::note_receipt(server, account, stanza);
            Vec::new()
        }
        _ => Vec::new(),
    };
    account.news.send_modify(|version| *version += 1);
    answers
}

/// Takes a companion off the account and tells everybody concerned. Its socket, if it has one, is the caller's to close.
pub(crate) fn remove_companion(server: &Server, account: &Account, device: u16) -> Option<Link> {
    let removed = account.registry.lock().devices.remove(&device)?;
    account
        .phone
        .lock()
        .signal
        .forget(&DeviceAddress::new(account.number.clone(), device));
    server.saver.touch(&account.number);
    pairing::announce_removed(server, account, device);
    removed.link
}

/// The address of an account's phone.
fn phone_of(account: &Account) -> DeviceAddress {
    DeviceAddress::new(account.number.clone(), PHONE_DEVICE)
}

/// Fetches another device's keys, as a phone does before it writes to it for the first time.
fn fetch_bundle(server: &Server, device: &DeviceAddress) -> Option<Bundle> {
    let account = server.directory.get(&device.number)?;
    server.saver.touch(&device.number);
    account.registry.lock().take_bundle(device.device)
}
