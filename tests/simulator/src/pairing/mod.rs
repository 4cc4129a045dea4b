//! Linking a companion: a client without an account offers refs (as a QR code) or asks for a phone code; the phone proves
//! that it read either; the server pushes `pair-success`, the companion signs, and is a device of the account from then on.

mod advertise;
mod code;
mod desk;
mod qr;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::sync::oneshot;
use whatsapp_rust::wacore::adv::{AdvValidation, validate_adv_with_identity_key};
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::whatsapp::client_payload::DevicePairingRegistrationData;

pub(crate) use self::advertise::{announce_added, announce_removed, key_index_list};
pub(crate) use self::code::{enter_code, refresh_code};
pub(crate) use self::desk::{PairingDesk, PendingLink};
pub(crate) use self::qr::scan_qr;
use crate::account::{Account, Addressing};
use crate::address::DeviceAddress;
use crate::connection::Link;
use crate::device::{Device, SignedPreKey};
use crate::phone::{LinkedDevice, PhoneError};
use crate::server::Server;
use crate::stanza::{SERVER, Stanza as _, iq_error, leaf, stream_error};

/// After pairing the client must come back and log in as the device it now is.
const RESTART_REQUIRED: u16 = 515;

/// What a pairing ends in, for the one who holds the phone.
type Outcome = Result<LinkedDevice, PhoneError>;

/// Greets a client that wants to be linked with refs to show.
pub(crate) fn open(
    server: &Server,
    link: &Link,
    noise_key: [u8; 32],
    registration: DevicePairingRegistrationData,
) -> Arc<PendingLink> {
    let pending = server.desk.open(server, link, noise_key, registration);
    let refs = pending.refs().iter().map(|text| leaf("ref", text));
    let pair_device = NodeBuilder::new("pair-device").children(refs).build();
    link.send(
        NodeBuilder::new("iq")
            .attr("from", SERVER)
            .attr("type", "set")
            .attr("id", server.stanza_id())
            .attr("xmlns", "md")
            .children([pair_device])
            .build(),
    );
    pending
}

/// Handles a stanza of a client that is not linked yet.
pub(crate) fn handle(server: &Arc<Server>, pending: &Arc<PendingLink>, link: &Link, stanza: &Node) {
    if stanza.tag != "iq" {
        return;
    }
    match stanza.text("type").as_deref() {
        Some("result") => {
            if let Some(signed) = stanza.get_optional_child_by_tag(&["pair-device-sign", "device-identity"]) {
                confirm(server, pending, link, signed.content_bytes());
            }
        }
        Some("error") => refuse(pending, stanza),
        _ => match stanza.list().first() {
            Some(child) if child.tag == "link_code_companion_reg" => {
                code::handle(server, pending, link, stanza, child);
            }
            _ => link.send(iq_error(stanza, 401, "not-authorized")),
        },
    }
}

/// What a client is asked before it is linked to an account that is protected by a passkey: WebAuthn's request options.
fn passkey_request(server: &Server) -> Node {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(server.random.bytes::<32>());
    let options = format!(
        r#"{{"challenge":"{challenge}","rpId":"web.whatsapp.com","userVerification":"required","timeout":60000,"allowCredentials":[]}}"#
    );
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("type", "passkey_prologue_request")
        .attr("id", server.stanza_id())
        .attr("t", server.clock.unix_seconds())
        .children([leaf("passkey_request_options", options)])
        .build()
}

/// The phone accepts a companion: its new identity goes to the client, which must sign it. The receiver tells how it ends.
fn offer(
    server: &Server,
    pending: &PendingLink,
    account: &Arc<Account>,
    identity_key: [u8; 32],
    adv_secret: &[u8],
) -> Result<oneshot::Receiver<Outcome>, PhoneError> {
    if server.faults.requires_passkey(&account.number) {
        pending.link().send(passkey_request(server));
        return Err(PhoneError::PasskeyRequired);
    }
    let id = account.registry.lock().allot_device();
    let key_index = u32::from(id);
    let container = advertise::device_identity(server, account, key_index, &identity_key, adv_secret)?;
    let device = new_device(id, pending, &identity_key);
    let address = DeviceAddress::new(account.number.clone(), id);
    let ended = pending.expect_signature(Arc::clone(account), device);
    let pair_success = NodeBuilder::new("pair-success")
        .children([
            leaf("device-identity", container),
            NodeBuilder::new("device")
                .attr("jid", address.jid())
                .attr("lid", account.jid(Addressing::Lid, id))
                .build(),
            NodeBuilder::new("platform").attr("name", "android").build(),
            // The client takes its display name from here, before any app state has come.
            NodeBuilder::new("biz").attr("name", display_name(account)).build(),
        ])
        .build();
    pending.link().send(
        NodeBuilder::new("iq")
            .attr("from", SERVER)
            .attr("type", "set")
            .attr("id", server.stanza_id())
            .attr("t", server.clock.unix_seconds())
            .children([pair_success])
            .build(),
    );
    Ok(ended)
}

/// The name under which an account's messages arrive.
pub(crate) fn display_name(account: &Account) -> String {
    format!("Phone {}", account.number)
}

fn new_device(id: u16, pending: &PendingLink, identity_key: &[u8; 32]) -> Device {
    let registration = pending.registration();
    let field = |bytes: &Option<Vec<u8>>| bytes.as_deref().unwrap_or_default().into();
    Device {
        id,
        key_index: u32::from(id),
        noise_key: pending.noise_key().into(),
        identity_key: identity_key.into(),
        registration: field(&registration.e_regid),
        signed_pre_key: SignedPreKey {
            id: field(&registration.e_skey_id),
            value: field(&registration.e_skey_val),
            signature: field(&registration.e_skey_sig),
        },
        pre_keys: Default::default(),
        device_identity: Default::default(),
        has_sync_key: false,
        mailbox: Default::default(),
        known: Default::default(),
        link: None,
        active: false,
    }
}

/// The companion has signed: if the signature holds, it is a device of the account and must log in as such.
fn confirm(server: &Server, pending: &PendingLink, link: &Link, device_identity: &[u8]) {
    let Some(expected) = pending.take_expected() else {
        return;
    };
    let (account, mut device) = (expected.account, expected.device);
    let identity_key: Result<[u8; 32], _> = device.identity_key[..].try_into();
    let valid = identity_key.is_ok_and(|identity_key| {
        let validation =
            validate_adv_with_identity_key(device_identity, &identity_key, Some(&account.identity.public()));
        matches!(validation, AdvValidation::Valid)
    });
    if !valid {
        expected
            .ended
            .tell(Err(PhoneError::LinkRefused("its signature is not valid".into())));
        link.close();
        return;
    }
    device.device_identity = device_identity.into();
    let address = DeviceAddress::new(account.number.clone(), device.id);
    account.registry.lock().devices.insert(device.id, device);
    server.saver.touch(&account.number);
    tracing::debug!(%address, "linked");
    link.close_with(stream_error(RESTART_REQUIRED));
    announce_added(server, &account, address.device);
    expected.ended.tell(Ok(LinkedDevice::new(&address)));
}

/// The companion did not like what it got.
fn refuse(pending: &PendingLink, stanza: &Node) {
    if let Some(expected) = pending.take_expected() {
        let reason = stanza
            .get_optional_child("error")
            .and_then(|error| error.text("text"))
            .unwrap_or_default()
            .into_owned();
        expected.ended.tell(Err(PhoneError::LinkRefused(reason)));
    }
}
