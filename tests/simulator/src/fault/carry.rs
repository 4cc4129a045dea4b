//! What befalls a message between the server and a device: damage, delay, a second copy, another one that is faster.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use whatsapp_rust::wacore_binary::{Node, NodeContent};

use super::book::Mishap;
use crate::account::Account;
use crate::address::DeviceAddress;
use crate::locked::Locked;
use crate::server::Server;

/// Which byte is damaged, counted from the end: one of the ciphertext or of its authentication code. Bytes nearer to either end belong
/// to the envelope, and damage there would make the message unreadable, not undecryptable.
const BEFORE_TRAILER: usize = 12;

/// Keeps the messages that are overtaken by the next one to the same device.
#[derive(Default)]
pub(crate) struct Carrier {
    overtaken: Locked<HashMap<DeviceAddress, Node>>,
}

impl Carrier {
    /// Loses what waits to be overtaken.
    pub(super) fn clear(&self) {
        self.overtaken.lock().clear();
    }
}

/// Carries a stanza to a companion's socket and mailbox.
pub(crate) fn carry(server: &Server, account: &Arc<Account>, to: &DeviceAddress, stanza: Node) {
    let post = |stanza| account.registry.lock().post(to.device, stanza);
    if stanza.tag != "message" {
        return post(stanza);
    }
    match server.faults.mishap(to) {
        None => {}
        Some(Mishap::Corrupt) => return post(corrupted(stanza)),
        Some(Mishap::Duplicate) => {
            post(stanza.clone());
            return post(stanza);
        }
        Some(Mishap::Delay(time)) => return carry_late(server, account, to, stanza, time),
        Some(Mishap::Overtake) => {
            if let Some(before) = server.carrier.overtaken.lock().insert(to.clone(), stanza) {
                post(before);
            }
            return;
        }
    }
    post(stanza);
    let overtaken = server.carrier.overtaken.lock().remove(to);
    overtaken.into_iter().for_each(post);
}

fn carry_late(server: &Server, account: &Arc<Account>, to: &DeviceAddress, stanza: Node, time: Duration) {
    let (account, device, closing) = (Arc::clone(account), to.device, server.closing.clone());
    server.tasks.spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(time) => account.registry.lock().post(device, stanza),
            () = closing.cancelled() => {}
        }
    });
}

fn corrupted(mut stanza: Node) -> Node {
    if let Some(NodeContent::Nodes(children)) = &mut stanza.content {
        for child in children.iter_mut().filter(|child| child.tag == "enc") {
            if let Some(NodeContent::Bytes(bytes)) = &mut child.content
                && let Some(index) = bytes.len().checked_sub(BEFORE_TRAILER)
            {
                bytes[index] ^= 0xff;
            }
        }
    }
    stanza
}
