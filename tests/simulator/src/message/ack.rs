//! Acknowledgements, in both directions: the server's for what a client sent, and a client's for what it was sent.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use crate::fault::AckPlan;
use crate::login::Peer;
use crate::server::Server;
use crate::stanza::{SERVER, Stanza as _};

/// What the server thinks of a message.
pub(super) enum Verdict {
    /// Taken. The hash tells a sender with an outdated list of devices to fetch a new one.
    Accepted(Option<String>),
    /// Refused with an error code, 479 or 463 for example.
    Refused(u16),
}

/// A client has taken a stanza: it need not wait any longer.
pub(super) fn handle(server: &Server, peer: &Peer, ack: &Node) {
    let (Some(class), Some(id)) = (ack.text("class"), ack.text("id")) else {
        return;
    };
    acknowledge(server, peer, &class, &[id.into_owned()]);
}

pub(super) fn acknowledge(server: &Server, peer: &Peer, class: &str, ids: &[String]) {
    if let Some(device) = peer.account.registry.lock().device(peer.device) {
        for id in ids {
            device.mailbox.acknowledge(class, id);
        }
    }
    server.saver.touch(&peer.account.number);
}

/// Answers a client's message, unless a fault holds the answer back.
pub(super) fn send(server: &Arc<Server>, peer: &Peer, stanza: &Node, verdict: Verdict) {
    let ack = build(server, stanza, verdict);
    match server.faults.ack_plan(&peer.address()) {
        AckPlan::Send => peer.link.send(ack),
        AckPlan::Withhold => {}
        AckPlan::Delay(delay) => {
            let link = peer.link.clone();
            server.tasks.spawn(async move {
                tokio::time::sleep(delay).await;
                link.send(ack);
            });
        }
    }
}

/// The server's acknowledgement of a stanza. It comes from whom the stanza was for.
pub(super) fn build(server: &Server, stanza: &Node, verdict: Verdict) -> Node {
    let from = stanza.text("to").unwrap_or(SERVER.into()).into_owned();
    let mut ack = NodeBuilder::new("ack")
        .attr("class", stanza.tag.as_ref())
        .attr("id", stanza.text("id").unwrap_or_default().as_ref())
        .attr("t", server.clock.unix_seconds());
    ack = match stanza.address("to") {
        Some(jid) => ack.attr("from", jid),
        None => ack.attr("from", from),
    };
    ack = match verdict {
        Verdict::Accepted(None) => ack,
        Verdict::Accepted(Some(hash)) => ack.attr("phash", hash),
        Verdict::Refused(code) => ack.attr("error", code),
    };
    ack.build()
}
