//! Receipts: delivered (no type), `read`, `played`, `inactive`, and `retry`, by which a device asks for a message that it
//! could not decrypt. Each goes on to the one who sent the message.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;

use super::ack::{self, Verdict};
use crate::account::Addressing;
use crate::address::DeviceAddress;
use crate::login::Peer;
use crate::server::{Delivery, Server};
use crate::stanza::Stanza as _;

/// Takes a receipt from a client. It acknowledges the messages it names as well.
pub(super) fn handle(server: &Arc<Server>, peer: &Peer, receipt: &Node) {
    peer.link.send(ack::build(server, receipt, Verdict::Accepted(None)));
    ack::acknowledge(server, peer, "message", &message_ids(receipt));
    server.deliver_from(&peer.address(), receipt);
}

/// All messages that a receipt is about.
pub(crate) fn message_ids(receipt: &Node) -> Vec<String> {
    let items = receipt
        .get_optional_child("list")
        .map(|list| list.list())
        .unwrap_or_default();
    items
        .iter()
        .chain([receipt])
        .filter_map(|node| node.text("id").map(|id| id.into_owned()))
        .collect()
}

pub(super) fn relay(server: &Server, origin: &DeviceAddress, receipt: &Node) -> Vec<Delivery> {
    let kind = receipt.text("type").unwrap_or_default().into_owned();
    // These tell the server, and nobody else, that the account's own devices are up to date.
    if matches!(kind.as_str(), "sender" | "peer_msg" | "read-self" | "played-self") {
        return Vec::new();
    }
    let Some(to) = receipt.address("to") else {
        return Vec::new();
    };
    let (Some(account), Some(author)) = (server.directory.resolve(&to), server.directory.get(&origin.number)) else {
        return Vec::new();
    };
    let is_retry = kind == "retry";
    if is_retry && let Some(device) = author.registry.lock().device(origin.device) {
        for id in message_ids(receipt) {
            device.known.forget(account.number.as_str(), &id);
        }
    }
    let devices: Vec<u16> = account
        .registry
        .lock()
        .devices
        .keys()
        .copied()
        .filter(|device| *device == to.device || (to.device == 0 && !is_retry))
        .collect();
    let mut relayed = receipt.clone();
    relayed.unset("to");
    relayed.set("from", author.jid(Addressing::of(&to), origin.device));
    relayed.set("t", server.clock.unix_seconds());
    devices
        .into_iter()
        .map(|device| DeviceAddress::new(account.number.clone(), device))
        .filter(|device| device != origin)
        .map(|to| Delivery {
            to,
            stanza: relayed.clone(),
            kept: true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    #[test]
    fn a_receipt_may_name_many_messages() {
        let items = ["B", "C"].map(|id| NodeBuilder::new("item").attr("id", id).build());
        let list = NodeBuilder::new("list").children(items).build();
        let receipt = NodeBuilder::new("receipt").attr("id", "A").children([list]).build();
        assert_eq!(message_ids(&receipt), ["B", "C", "A"]);
    }
}
