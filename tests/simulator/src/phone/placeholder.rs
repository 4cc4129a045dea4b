//! What a companion could not read, the phone reads to it: a companion that cannot decrypt a message asks its own phone, which has
//! it, for the content.

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::waproto::buffa::{Message as _, MessageField};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::peer_data_operation_request_response_message::PeerDataOperationResult;
use whatsapp_rust::waproto::whatsapp::message::peer_data_operation_request_response_message::peer_data_operation_result::PlaceholderMessageResendResponse;
use whatsapp_rust::waproto::whatsapp::message::{
    PeerDataOperationRequestMessage, PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType,
    ProtocolMessage, protocol_message,
};

use super::peer;
use super::state::PhoneState;
use crate::account::Addressing;
use crate::address::DeviceAddress;
use crate::server::Server;

/// Answers a companion's request for messages, if that is what it is. Messages that the phone does not have either are left out.
pub(super) fn answer(
    server: &Server,
    phone: &mut PhoneState,
    companion: &DeviceAddress,
    request_id: &str,
    message: &wa::Message,
) -> Option<Node> {
    let request = message
        .protocol_message
        .as_option()?
        .peer_data_operation_request_message
        .as_option()?;
    let kind = PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND;
    if request.peer_data_operation_request_type != Some(kind) {
        return None;
    }
    let response = PeerDataOperationRequestResponseMessage {
        peer_data_operation_request_type: Some(kind),
        stanza_id: Some(request_id.to_owned()),
        peer_data_operation_result: found(server, phone, request),
    };
    server.counters.placeholder();
    let protocol = ProtocolMessage {
        r#type: Some(protocol_message::Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
        peer_data_operation_request_response_message: MessageField::some(response),
        ..Default::default()
    };
    peer::to_companion(server, phone, companion, protocol)
        .inspect_err(|error| tracing::debug!(%companion, %error, "a phone cannot answer its companion"))
        .ok()
}

fn found(
    server: &Server,
    phone: &PhoneState,
    request: &PeerDataOperationRequestMessage,
) -> Vec<PeerDataOperationResult> {
    let keys = request
        .placeholder_message_resend_request
        .iter()
        .filter_map(|wanted| wanted.message_key.as_option());
    keys.filter_map(|key| {
        let content = content(phone, key)?;
        // Whichever way it was asked, a phone names the conversation by its number.
        let asked: Jid = key.remote_jid.as_deref()?.parse().ok()?;
        let chat = server.directory.resolve(&asked)?.jid(Addressing::Number, 0);
        let info = wa::WebMessageInfo {
            key: MessageField::some(wa::MessageKey {
                remote_jid: Some(chat.to_string()),
                ..key.clone()
            }),
            message: MessageField::some(content),
            ..Default::default()
        };
        Some(PeerDataOperationResult {
            placeholder_message_resend_response: MessageField::some(PlaceholderMessageResendResponse {
                web_message_info_bytes: Some(info.encode_to_vec()),
            }),
            ..Default::default()
        })
    })
    .collect()
}

fn content(phone: &PhoneState, key: &wa::MessageKey) -> Option<wa::Message> {
    let id = key.id.as_deref()?;
    if key.from_me == Some(true) {
        phone.outbox.find(id)?.content()
    } else {
        phone.inbox.content(id)
    }
}
