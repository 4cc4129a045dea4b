//! App state (settings, contacts, chat flags): nothing is ever newer than what the client has.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::Query;
use crate::stanza::Stanza as _;

/// Confirms each collection at the version the client named.
pub(super) fn sync(query: &Query<'_>) {
    let asked = query
        .iq
        .get_optional_child("sync")
        .map(|sync| sync.list())
        .unwrap_or_default();
    let collections = asked.iter().map(|collection| {
        NodeBuilder::new("collection")
            .attr("name", collection.text("name").unwrap_or_default().as_ref())
            .attr("version", collection.text("version").unwrap_or("0".into()).as_ref())
            .attr("type", "result")
            .build()
    });
    query.answer(vec![NodeBuilder::new("sync").children(collections).build()]);
}
