//! Messages that could not be decrypted: a phone asks for what it cannot read, and sends again what it is asked for.

use whatsapp_rust::wacore::protocol::retry::MAX_RETRY_COUNT;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::outbox::{self, enc};
use super::state::PhoneState;
use super::{PhoneError, fetch_bundle};
use crate::account::Account;
use crate::address::DeviceAddress;
use crate::iq::{keys_node, read_keys};
use crate::server::Server;
use crate::stanza::{Stanza as _, leaf};

/// Asks the sender for a message again, with keys for a new session, until it has been asked often enough.
pub(super) fn request(server: &Server, phone: &mut PhoneState, account: &Account, stanza: &Node) -> Option<Node> {
    let from = stanza.address("from")?;
    let id = stanza.text("id")?.into_owned();
    let count = phone.inbox.next_request(&id);
    if count >= MAX_RETRY_COUNT {
        return None;
    }
    server.counters.retry();
    let bundle = phone.signal.private_bundle(&server.random);
    let retry = NodeBuilder::new("retry")
        .attr("v", "1")
        .attr("id", id.as_str())
        .attr("t", stanza.text("t").unwrap_or_default().as_ref())
        .attr("count", count)
        .build();
    let mut receipt = NodeBuilder::new("receipt")
        .attr("to", from)
        .attr("id", id)
        .attr("type", "retry");
    // An own companion finds the message by its recipient.
    if let Some(recipient) = stanza.address("recipient") {
        receipt = receipt.attr("recipient", recipient);
    }
    let children = [
        retry,
        leaf("registration", &bundle.registration[..]),
        keys_node(&bundle),
    ];
    tracing::debug!(number = %account.number, count, "a phone asks for a message again");
    Some(receipt.children(children).build())
}

/// Encrypts a message again for a device that could not read it, in a new session.
pub(super) fn answer(server: &Server, account: &Account, receipt: &Node) -> Option<Node> {
    let from = receipt.address("from")?;
    let device = server.directory.resolve_device(&from)?;
    let retry = receipt.get_optional_child("retry")?;
    let id = retry.text("id")?.into_owned();
    let count: u8 = retry.text("count")?.parse().ok()?;
    if count >= MAX_RETRY_COUNT {
        return None;
    }
    server.counters.retry();
    let sealed = encrypt_again(server, account, &device, receipt, &id, count)
        .inspect_err(|error| tracing::debug!(%device, %error, "a phone cannot send a message again"))
        .ok()?;
    let mut message = NodeBuilder::new("message")
        .attr("to", from)
        .attr("id", id)
        .attr("type", "text")
        .children([sealed]);
    if let Some(recipient) = receipt.address("recipient") {
        message = message.attr("recipient", recipient);
    }
    Some(message.build())
}

fn encrypt_again(
    server: &Server,
    account: &Account,
    device: &DeviceAddress,
    receipt: &Node,
    id: &str,
    count: u8,
) -> Result<Node, PhoneError> {
    let mut phone = account.phone.lock();
    let sent = phone.outbox.find(id).cloned().ok_or(PhoneError::UnknownMessage)?;
    let plaintext = sent.plaintext(device.number == account.number)?;
    let bundle = read_keys(receipt, device.device)
        .or_else(|| fetch_bundle(server, device))
        .ok_or(PhoneError::UnknownDevice(device.device))?;
    phone.signal.open_session(device, &bundle, &server.random)?;
    Ok(enc(&outbox::seal(server, &mut phone, device, &plaintext)?, count))
}
