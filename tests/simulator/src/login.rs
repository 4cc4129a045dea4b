//! Who a connected client is: a linked device that logs in, or an unlinked one that registers.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::account::{Account, Addressing};
use crate::address::DeviceAddress;
use crate::connection::Link;
use crate::pairing::{self, PendingLink};
use crate::server::Server;
use crate::{iq, message};

/// `failure` reason of a device that the account does not list (any more).
const UNAUTHORIZED: u16 = 401;

/// What a client may do on its connection.
pub(crate) enum Role {
    /// A linked device.
    Member(Peer),
    /// A device that waits to be linked.
    Registering(Arc<PendingLink>),
}

/// A linked device with its socket.
pub(crate) struct Peer {
    pub(crate) account: Arc<Account>,
    pub(crate) device: u16,
    pub(crate) link: Link,
}

impl Peer {
    pub(crate) fn address(&self) -> DeviceAddress {
        DeviceAddress::new(self.account.number.clone(), self.device)
    }
}

/// Lets a client in by what it sent with its handshake. `None` when it was refused; the refusal is on its way then.
pub(crate) fn admit(
    server: &Arc<Server>,
    link: &Link,
    noise_key: [u8; 32],
    payload: wa::ClientPayload,
) -> Option<Role> {
    let admitted = match (payload.username, payload.device_pairing_data.into_option()) {
        (Some(username), _) => {
            let device = payload.device.and_then(|id| u16::try_from(id).ok()).unwrap_or(0);
            log_in(server, link, &noise_key, &username.to_string(), device).map(Role::Member)
        }
        (None, Some(registration)) => Ok(Role::Registering(pairing::open(server, link, noise_key, registration))),
        (None, None) => Err(UNAUTHORIZED),
    };
    admitted.inspect_err(|reason| link.close_with(failure(*reason))).ok()
}

fn log_in(server: &Server, link: &Link, noise_key: &[u8; 32], username: &str, device: u16) -> Result<Peer, u16> {
    let account = server
        .directory
        .resolve(&whatsapp_rust::Jid::pn(username))
        .ok_or(UNAUTHORIZED)?;
    let address = DeviceAddress::new(account.number.clone(), device);
    if let Some(reason) = server.faults.login_failure(&address) {
        return Err(reason);
    }
    let replaced = {
        let mut registry = account.registry.lock();
        let device = registry.device(device).ok_or(UNAUTHORIZED)?;
        if device.noise_key[..] != noise_key[..] {
            return Err(UNAUTHORIZED);
        }
        device.attach(link.clone())
    };
    if let Some(replaced) = replaced {
        replaced.close_with(conflict("replaced"));
    }
    if server.faults.ignores_login(&address) {
        link.freeze();
    }
    tracing::debug!(%address, "logged in");
    link.send(
        NodeBuilder::new("success")
            .attr("t", server.clock.unix_seconds())
            .attr("lid", account.jid(Addressing::Lid, address.device))
            .attr("location", "sim")
            .build(),
    );
    Ok(Peer {
        account,
        device: address.device,
        link: link.clone(),
    })
}

/// Handles one stanza of a client.
pub(crate) fn handle(server: &Arc<Server>, role: &Role, link: &Link, stanza: &Node) {
    match role {
        Role::Registering(pending) => pairing::handle(server, pending, link, stanza),
        Role::Member(peer) if stanza.tag == "iq" => iq::handle(server, peer, stanza),
        Role::Member(peer) => message::handle(server, peer, stanza),
    }
}

/// Notes that a client's connection is over.
pub(crate) fn depart(server: &Server, role: &Role, link: &Link) {
    match role {
        Role::Registering(pending) => server.desk.withdraw(pending),
        Role::Member(peer) => {
            if let Some(device) = peer.account.registry.lock().device(peer.device) {
                device.detach(link);
            }
        }
    }
}

/// The refusal of a login.
fn failure(reason: u16) -> Node {
    let mut failure = NodeBuilder::new("failure")
        .attr("reason", reason)
        .attr("location", "sim");
    // A temporary ban says why (too many recipients) and for how many seconds.
    if reason == 402 {
        failure = failure.attr("code", 101).attr("expire", 3600);
    }
    failure.build()
}

/// The end of a stream that another event has made pointless: `replaced` by a second login, or `device_removed`.
pub(crate) fn conflict(kind: &'static str) -> Node {
    let cause = NodeBuilder::new("conflict").attr("type", kind).build();
    let mut error = NodeBuilder::new("stream:error").children([cause]);
    if kind == "device_removed" {
        error = error.attr("code", UNAUTHORIZED);
    }
    error.build()
}
