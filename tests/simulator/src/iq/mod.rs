//! Queries of logged-in clients. The table is [`handle`]; each row's knowledge lives in a module of its name.

mod app_state;
mod companion;
mod passive;
mod prekeys;
mod settings;
mod usync;

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;

pub(crate) use self::prekeys::{keys_node, read_keys};
use crate::login::Peer;
use crate::server::Server;
use crate::stanza::{Stanza as _, iq_result};

/// A query, who asks, and where.
pub(crate) struct Query<'a> {
    pub(crate) server: &'a Arc<Server>,
    pub(crate) peer: &'a Peer,
    pub(crate) iq: &'a Node,
}

impl Query<'_> {
    fn answer(&self, children: Vec<Node>) {
        self.reply(iq_result(self.iq, children));
    }

    fn reply(&self, reply: Node) {
        self.peer.link.send(reply);
    }
}

/// Answers a query. What is not in the table gets an empty result, which clients accept.
pub(crate) fn handle(server: &Arc<Server>, peer: &Peer, iq: &Node) {
    let kind = iq.text("type").unwrap_or_default();
    if matches!(kind.as_ref(), "result" | "error") {
        return;
    }
    let namespace = iq.text("xmlns").unwrap_or_default();
    let subject = iq.list().first();
    let subject_tag = subject.map(|child| child.tag.as_ref()).unwrap_or_default();
    server.counters.query(&kind, &namespace, subject_tag);
    let query = Query { server, peer, iq };
    match (namespace.as_ref(), kind.as_ref(), subject_tag) {
        ("encrypt", "get", "count") => prekeys::count(&query),
        ("encrypt", "get", "digest") => prekeys::digest(&query),
        ("encrypt", "get", "key") => prekeys::fetch(&query),
        ("encrypt", "set", "rotate") => prekeys::rotate(&query),
        ("encrypt", "set", _) => prekeys::upload(&query),
        ("usync", _, "usync") => usync::answer(&query),
        ("passive", _, "active") => passive::activate(&query),
        ("md", "set", "remove-companion-device") => companion::remove(&query),
        ("w:sync:app:state", _, "sync") => app_state::sync(&query),
        ("abt", "get", _) => settings::experiments(&query),
        ("blocklist", "get", _) => settings::blocklist(&query),
        ("privacy", "get", _) => settings::privacy(&query),
        _ => query.answer(Vec::new()),
    }
}
