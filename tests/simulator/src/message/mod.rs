//! What devices say to each other: messages, receipts, typing notices, and the acknowledgements that go with them.

mod ack;
mod chat_state;
mod fanout;
pub(crate) mod offline;
mod receipt;

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;

pub(crate) use self::receipt::message_ids;
use crate::address::DeviceAddress;
use crate::login::Peer;
use crate::server::{Delivery, Server};

/// Handles a stanza of a logged-in client, other than an iq.
pub(crate) fn handle(server: &Arc<Server>, peer: &Peer, stanza: &Node) {
    match stanza.tag.as_ref() {
        "message" => fanout::handle(server, peer, stanza),
        "receipt" => receipt::handle(server, peer, stanza),
        "ack" => ack::handle(server, peer, stanza),
        _ => server.deliver_from(&peer.address(), stanza),
    }
}

/// Where a stanza of `origin` goes, and in what form. What only the server cares for goes nowhere.
pub(crate) fn route(server: &Server, origin: &DeviceAddress, stanza: &Node) -> Vec<Delivery> {
    match stanza.tag.as_ref() {
        "message" => fanout::fan_out(server, origin, stanza)
            .map(|fan_out| fan_out.deliveries)
            .unwrap_or_default(),
        "receipt" => receipt::relay(server, origin, stanza),
        "chatstate" => chat_state::relay(server, origin, stanza),
        _ => Vec::new(),
    }
}
