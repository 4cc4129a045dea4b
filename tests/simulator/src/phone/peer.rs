//! Messages between an account's own devices about themselves: the phone's half of them.

use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::buffa::MessageField;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::ProtocolMessage;

use super::PhoneError;
use super::outbox::{enc, seal};
use super::state::PhoneState;
use crate::address::DeviceAddress;
use crate::server::Server;

/// Encrypts a message for one companion alone.
pub(super) fn to_companion(
    server: &Server,
    phone: &mut PhoneState,
    companion: &DeviceAddress,
    protocol: ProtocolMessage,
) -> Result<Node, PhoneError> {
    let message = wa::Message {
        protocol_message: MessageField::some(protocol),
        ..Default::default()
    };
    let sealed = seal(server, phone, companion, &MessageUtils::encode_and_pad(&message))?;
    Ok(NodeBuilder::new("message")
        .attr("to", companion.jid())
        .attr("id", server.stanza_id())
        .attr("type", "text")
        .attr("category", "peer")
        .children([enc(&sealed, 0)])
        .build())
}
