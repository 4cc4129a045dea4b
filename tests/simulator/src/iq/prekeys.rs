//! Pre-keys: a device uploads them, others fetch bundles, and each bundle uses one up.

use whatsapp_rust::wacore::prekeys::compute_key_bundle_digest;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::Query;
use crate::device::{Bundle, Device, PreKey, SignedPreKey};
use crate::phone;
use crate::stanza::{Stanza as _, leaf};

/// The type byte of Curve25519 keys.
const CURVE: [u8; 1] = [5];

/// How many one-time pre-keys of the asking device are left.
pub(super) fn count(query: &Query<'_>) {
    let count = own_device(query, |device| device.pre_keys.len()).unwrap_or_default();
    query.answer(vec![NodeBuilder::new("count").attr("value", count).build()]);
}

/// What the server has of the asking device, with a hash by which the device can tell whether it is the same.
pub(super) fn digest(query: &Query<'_>) {
    let digest = own_device(query, |device| {
        let keys: Vec<&[u8]> = device.pre_keys.iter().map(|key| &key.value[..]).collect();
        let signed = &device.signed_pre_key;
        let hash = compute_key_bundle_digest(&device.identity_key, &signed.value, &signed.signature, &keys);
        let ids = device.pre_keys.iter().map(|key| leaf("id", &key.id[..]));
        NodeBuilder::new("digest")
            .children([
                leaf("registration", &device.registration[..]),
                leaf("type", CURVE),
                leaf("identity", &device.identity_key[..]),
                signed_node(signed),
                NodeBuilder::new("list").children(ids).build(),
                leaf("hash", hash),
            ])
            .build()
    });
    query.answer(digest.into_iter().collect());
}

/// Bundles of other devices. A device that does not exist is not acceptable.
pub(super) fn fetch(query: &Query<'_>) {
    let requests = query
        .iq
        .get_optional_child("key")
        .map(|key| key.list())
        .unwrap_or_default();
    let users = requests.iter().filter_map(|user| user.address("jid")).map(|jid| {
        let bundle = query.server.directory.resolve(&jid).and_then(|account| {
            query.server.saver.touch(&account.number);
            account.registry.lock().take_bundle(jid.device)
        });
        let user = NodeBuilder::new("user").attr("jid", jid);
        match bundle {
            Some(bundle) => user.children(bundle_nodes(&bundle)).build(),
            None => user.children([not_acceptable()]).build(),
        }
    });
    let list = NodeBuilder::new("list").children(users).build();
    query.answer(vec![list]);
}

/// Takes the asking device's keys. The phone of a new companion reacts with the account's app-state key.
pub(super) fn upload(query: &Query<'_>) {
    let first = own_device(query, |device| {
        if let Some(list) = query.iq.get_optional_child("list") {
            device.pre_keys = list.list().iter().map(read_pre_key).collect();
        }
        if let Some(signed) = query.iq.get_optional_child("skey") {
            device.signed_pre_key = read_signed(signed);
        }
        !std::mem::replace(&mut device.has_sync_key, true)
    });
    query.server.saver.touch(&query.peer.account.number);
    query.answer(Vec::new());
    if first == Some(true) {
        phone::share_app_state_key(query.server, &query.peer.account, query.peer.device);
    }
}

/// Replaces the signed pre-key alone.
pub(super) fn rotate(query: &Query<'_>) {
    if let Some(signed) = query.iq.get_optional_child_by_tag(&["rotate", "skey"]) {
        own_device(query, |device| device.signed_pre_key = read_signed(signed));
        query.server.saver.touch(&query.peer.account.number);
    }
    query.answer(Vec::new());
}

fn own_device<T>(query: &Query<'_>, read: impl FnOnce(&mut Device) -> T) -> Option<T> {
    let mut registry = query.peer.account.registry.lock();
    registry.device(query.peer.device).map(read)
}

fn read_pre_key(node: &Node) -> PreKey {
    PreKey {
        id: child_bytes(node, "id").into(),
        value: child_bytes(node, "value").into(),
    }
}

fn read_signed(node: &Node) -> SignedPreKey {
    SignedPreKey {
        id: child_bytes(node, "id").into(),
        value: child_bytes(node, "value").into(),
        signature: child_bytes(node, "signature").into(),
    }
}

fn child_bytes<'a>(node: &'a Node, tag: &str) -> &'a [u8] {
    node.get_optional_child(tag)
        .map(|child| child.content_bytes())
        .unwrap_or_default()
}

fn signed_node(signed: &SignedPreKey) -> Node {
    NodeBuilder::new("skey")
        .children([
            leaf("id", &signed.id[..]),
            leaf("value", &signed.value[..]),
            leaf("signature", &signed.signature[..]),
        ])
        .build()
}

fn bundle_nodes(bundle: &Bundle) -> Vec<Node> {
    let mut nodes = vec![
        leaf("registration", &bundle.registration[..]),
        leaf("type", CURVE),
        leaf("identity", &bundle.identity_key[..]),
        signed_node(&bundle.signed_pre_key),
    ];
    if let Some(key) = &bundle.pre_key {
        let parts = [leaf("id", &key.id[..]), leaf("value", &key.value[..])];
        nodes.push(NodeBuilder::new("key").children(parts).build());
    }
    if !bundle.device_identity.is_empty() {
        nodes.push(leaf("device-identity", &bundle.device_identity[..]));
    }
    nodes
}

fn not_acceptable() -> Node {
    NodeBuilder::new("error")
        .attr("code", 406)
        .attr("text", "not-acceptable")
        .build()
}

/// The keys that a device sends along when it asks for a message again.
pub(crate) fn keys_node(bundle: &Bundle) -> Node {
    let keys = bundle_nodes(bundle)
        .into_iter()
        .filter(|node| node.tag != "registration");
    NodeBuilder::new("keys").children(keys).build()
}

/// The keys in a retry receipt, if it brings any.
pub(crate) fn read_keys(receipt: &Node, device: u16) -> Option<Bundle> {
    let keys = receipt.get_optional_child("keys")?;
    Some(Bundle {
        device,
        identity_key: child_bytes(keys, "identity").into(),
        registration: child_bytes(receipt, "registration").into(),
        signed_pre_key: keys.get_optional_child("skey").map(read_signed)?,
        pre_key: keys.get_optional_child("key").map(read_pre_key),
        device_identity: child_bytes(keys, "device-identity").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_a_receipt_read_as_they_were_written() {
        let bundle = Bundle {
            device: 3,
            identity_key: [1; 32].into(),
            registration: [0, 0, 1, 1].into(),
            signed_pre_key: SignedPreKey {
                id: [0, 0, 1].into(),
                value: [2; 32].into(),
                signature: [3; 64].into(),
            },
            pre_key: Some(PreKey {
                id: [0, 0, 9].into(),
                value: [4; 32].into(),
            }),
            device_identity: Default::default(),
        };
        let receipt = NodeBuilder::new("receipt")
            .children([leaf("registration", &bundle.registration[..]), keys_node(&bundle)])
            .build();
        let again = read_keys(&receipt, 3).unwrap();
        assert!(again.identity_key == bundle.identity_key);
        assert!(again.registration == bundle.registration);
        assert!(again.pre_key.unwrap().id[..] == [0, 0, 9]);
        assert!(again.signed_pre_key.signature == bundle.signed_pre_key.signature);
    }
}
