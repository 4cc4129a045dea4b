//! Account settings that every client asks for after a login, and that are the same for all.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::Query;

const PRIVACY_CATEGORIES: [&str; 6] = ["last", "online", "profile", "status", "groupadd", "readreceipts"];

/// Feature switches: none.
pub(super) fn experiments(query: &Query<'_>) {
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "k")
        .attr("hash", "h")
        .attr("refresh", 86_400)
        .attr("refresh_id", "1")
        .build();
    query.answer(vec![props]);
}

/// Nobody is blocked.
pub(super) fn blocklist(query: &Query<'_>) {
    let list = NodeBuilder::new("list")
        .attr("matched", "false")
        .attr("dhash", "1")
        .build();
    query.answer(vec![list]);
}

/// Everything is visible to all, read receipts included.
pub(super) fn privacy(query: &Query<'_>) {
    let categories = PRIVACY_CATEGORIES.map(|name| {
        NodeBuilder::new("category")
            .attr("name", name)
            .attr("value", "all")
            .build()
    });
    query.answer(vec![NodeBuilder::new("privacy").children(categories).build()]);
}
