//! Contact queries: is a number on WhatsApp, which devices has it, what is its LID.
//!
//! A client drops companions that no signed key index list names, so the list always comes with the devices.

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::Query;
use crate::account::{Account, Addressing};
use crate::pairing::key_index_list;
use crate::stanza::Stanza as _;

pub(super) fn answer(query: &Query<'_>) {
    let Some(usync) = query.iq.get_optional_child("usync") else {
        return query.answer(Vec::new());
    };
    let child = |tag| {
        usync
            .get_optional_child(tag)
            .map(|node: &Node| node.list())
            .unwrap_or_default()
    };
    let protocols: Vec<&str> = child("query").iter().map(|protocol| protocol.tag.as_ref()).collect();
    let users = child("list")
        .iter()
        .filter_map(|user| describe(query, user, &protocols));
    let results = protocols
        .iter()
        .map(|name| NodeBuilder::new_dynamic((*name).to_owned()).build());
    let children = [
        NodeBuilder::new("result").children(results).build(),
        NodeBuilder::new("list").children(users).build(),
    ];
    let text = |key| usync.text(key).unwrap_or_default().into_owned();
    let answer = NodeBuilder::new("usync")
        .attr("sid", text("sid"))
        .attr("index", "0")
        .attr("last", "true")
        .attr("mode", text("mode"))
        .attr("context", text("context"))
        .children(children)
        .build();
    query.answer(vec![answer]);
}

/// What the server tells about one user, asked for by address or by phone number.
fn describe(query: &Query<'_>, user: &Node, protocols: &[&str]) -> Option<Node> {
    let jid = user.address("jid").or_else(|| {
        let contact = user.get_optional_child("contact")?;
        let number = String::from_utf8_lossy(contact.content_bytes());
        Some(Jid::pn(number.trim_start_matches('+')))
    })?;
    let account = query.server.directory.resolve(&jid);
    let answers = protocols.iter().filter_map(|protocol| match *protocol {
        "devices" => Some(devices(query, account.as_deref())),
        "contact" => {
            let presence = if account.is_some() { "in" } else { "out" };
            Some(NodeBuilder::new("contact").attr("type", presence).build())
        }
        "lid" => account.as_ref().map(|account| {
            NodeBuilder::new("lid")
                .attr("val", account.jid(Addressing::Lid, 0))
                .build()
        }),
        _ => None,
    });
    let mut described = NodeBuilder::new("user").attr("jid", jid);
    if let Some(account) = &account {
        described = described.attr("pn_jid", account.jid(Addressing::Number, 0));
    }
    Some(described.children(answers).build())
}

/// The devices of an account; who asks will hear when they change. A number without an account has its phone alone.
fn devices(query: &Query<'_>, account: Option<&Account>) -> Node {
    let device = |id: u16, key_index: u32| {
        let device = NodeBuilder::new("device").attr("id", id);
        match id {
            0 => device.build(),
            _ => device.attr("key-index", key_index).build(),
        }
    };
    let list = |devices: Vec<Node>| NodeBuilder::new("device-list").children(devices).build();
    let Some(account) = account else {
        return NodeBuilder::new("devices").children([list(vec![device(0, 0)])]).build();
    };
    let entries = {
        let mut registry = account.registry.lock();
        if query.peer.account.number != account.number {
            registry.watchers.insert(query.peer.account.number.clone());
        }
        let devices = registry.devices.values();
        devices.map(|entry| device(entry.id, entry.key_index)).collect()
    };
    NodeBuilder::new("devices")
        .children([list(entries), key_index_list(query.server, account)])
        .build()
}
