//! What an account says about its devices, signed with its key: the identity of a new companion, the list of valid key
//! indexes, and the notice to everybody concerned that a companion came or went.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::buffa::Message as _;
use whatsapp_rust::waproto::whatsapp::{
    ADVDeviceIdentity, ADVKeyIndexList, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC, ADVSignedKeyIndexList,
};

use crate::account::{Account, Addressing};
use crate::address::DeviceAddress;
use crate::phone::PhoneError;
use crate::server::{Delivery, Server};

/// Domain separators of the account's signatures.
const DEVICE_IDENTITY: [u8; 2] = [6, 0];
const KEY_INDEX_LIST: [u8; 2] = [6, 2];

/// The identity that a companion is given: signed by the account, and under a MAC with the secret that only the phone and
/// the companion know, so that the server between them cannot put in its own.
pub(super) fn device_identity(
    server: &Server,
    account: &Account,
    key_index: u32,
    identity_key: &[u8; 32],
    adv_secret: &[u8],
) -> Result<Vec<u8>, PhoneError> {
    let details = ADVDeviceIdentity {
        raw_id: Some(account.raw_id),
        timestamp: Some(server.clock.unix_seconds()),
        key_index: Some(key_index),
        ..Default::default()
    }
    .encode_to_vec();
    let signature = account.identity.private_key.calculate_signature(
        &[&DEVICE_IDENTITY[..], &details, identity_key].concat(),
        &mut server.random.fork(),
    )?;
    let signed = ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(account.identity.public().to_vec()),
        account_signature: Some(signature.to_vec()),
        ..Default::default()
    }
    .encode_to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(adv_secret).map_err(|_| PhoneError::InvalidQr("the secret"))?;
    mac.update(&signed);
    Ok(ADVSignedDeviceIdentityHMAC {
        details: Some(signed),
        hmac: Some(mac.finalize().into_bytes().to_vec()),
        ..Default::default()
    }
    .encode_to_vec())
}

/// The signed list of the key indexes that count. Clients ignore companions that are not on it.
pub(crate) fn key_index_list(server: &Server, account: &Account) -> Node {
    let indexes: Vec<u32> = account
        .registry
        .lock()
        .devices
        .values()
        .map(|device| device.key_index)
        .collect();
    let now = server.clock.unix_seconds();
    let details = ADVKeyIndexList {
        raw_id: Some(account.raw_id),
        timestamp: Some(now),
        current_index: indexes.iter().max().copied(),
        valid_indexes: indexes,
        ..Default::default()
    }
    .encode_to_vec();
    let signature = account
        .identity
        .private_key
        .calculate_signature(&[&KEY_INDEX_LIST[..], &details].concat(), &mut server.random.fork());
    let list = ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: signature.ok().map(|signature| signature.to_vec()),
        ..Default::default()
    };
    NodeBuilder::new("key-index-list")
        .attr("ts", now)
        .bytes(list.encode_to_vec())
        .build()
}

/// Tells the account's other companions, and everybody who asked for its devices, about a new one.
pub(crate) fn announce_added(server: &Server, account: &Account, device: u16) {
    announce(server, account, device, "add", key_index_list(server, account));
}

/// Tells them that a companion is gone.
pub(crate) fn announce_removed(server: &Server, account: &Account, device: u16) {
    let list = NodeBuilder::new("key-index-list")
        .attr("ts", server.clock.unix_seconds())
        .build();
    announce(server, account, device, "remove", list);
}

fn announce(server: &Server, account: &Account, device: u16, change: &'static str, list: Node) {
    let element = NodeBuilder::new("device")
        .attr("jid", account.jid(Addressing::Number, device))
        .attr("key-index", u32::from(device))
        .attr("lid", account.jid(Addressing::Lid, device))
        .build();
    let change = NodeBuilder::new(change).children([element, list]).build();
    let audience = {
        let registry = account.registry.lock();
        let watchers = registry.watchers.iter().cloned();
        watchers.chain([account.number.clone()]).collect::<Vec<_>>()
    };
    let companions = audience
        .iter()
        .filter_map(|number| server.directory.get(number))
        .flat_map(|account| {
            let registry = account.registry.lock();
            let companions = registry.devices.keys().filter(|id| **id != 0);
            companions
                .map(|id| DeviceAddress::new(account.number.clone(), *id))
                .collect::<Vec<_>>()
        })
        .filter(|to| (&to.number, to.device) != (&account.number, device));
    let deliveries = companions
        .map(|to| Delivery {
            to,
            kept: true,
            stanza: NodeBuilder::new("notification")
                .attr("from", account.jid(Addressing::Number, 0))
                .attr("lid", account.jid(Addressing::Lid, 0))
                .attr("type", "devices")
                .attr("id", server.stanza_id())
                .attr("t", server.clock.unix_seconds())
                .children([change.clone()])
                .build(),
        })
        .collect();
    server.deliver(deliveries);
}
