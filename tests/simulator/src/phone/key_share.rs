//! What a phone does right after linking a companion: it sends the key to the account's app state. A client is not
//! connected before it has it.

use whatsapp_rust::waproto::buffa::MessageField;
use whatsapp_rust::waproto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId, AppStateSyncKeyShare,
    ProtocolMessage, protocol_message,
};

use super::{peer, phone_of};
use crate::account::Account;
use crate::address::DeviceAddress;
use crate::server::Server;

const KEY_ID: [u8; 6] = [0, 0, 0, 0, 0, 1];

/// Sends the app-state key to a companion, in a message between the account's own devices.
pub(crate) fn share(server: &Server, account: &Account, device: u16) {
    let to = DeviceAddress::new(account.number.clone(), device);
    let message = peer::to_companion(server, &mut account.phone.lock(), &to, message(server));
    match message {
        Ok(message) => server.deliver_from(&phone_of(account), &message),
        Err(error) => tracing::debug!(%to, %error, "a phone cannot share its app-state key"),
    }
}

fn message(server: &Server) -> ProtocolMessage {
    let key = AppStateSyncKey {
        key_id: MessageField::some(AppStateSyncKeyId {
            key_id: Some(KEY_ID.to_vec()),
        }),
        key_data: MessageField::some(AppStateSyncKeyData {
            key_data: Some(server.random.bytes::<32>().to_vec()),
            fingerprint: MessageField::some(AppStateSyncKeyFingerprint {
                raw_id: Some(1),
                current_index: Some(0),
                device_indexes: vec![0],
            }),
            timestamp: i64::try_from(server.clock.unix_seconds()).ok(),
        }),
    };
    ProtocolMessage {
        r#type: Some(protocol_message::Type::AppStateSyncKeyShare),
        app_state_sync_key_share: MessageField::some(AppStateSyncKeyShare { keys: vec![key] }),
        ..Default::default()
    }
}
