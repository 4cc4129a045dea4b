//! The end of a login: a client that has woken up asks for what waited.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::Query;
use crate::stanza::SERVER;

/// Sends what waits for the device, then how much it was. Without the count a client waits a minute for it.
pub(super) fn activate(query: &Query<'_>) {
    query.answer(Vec::new());
    let link = &query.peer.link;
    // Under the lock, so that nothing new overtakes what waited.
    let mut registry = query.peer.account.registry.lock();
    let Some(device) = registry.device(query.peer.device) else {
        return;
    };
    let backlog = device.mailbox.backlog();
    let count = NodeBuilder::new("offline").attr("count", backlog.len()).build();
    for stanza in backlog {
        link.send(stanza);
    }
    link.send(NodeBuilder::new("ib").attr("from", SERVER).children([count]).build());
    device.active = true;
}
