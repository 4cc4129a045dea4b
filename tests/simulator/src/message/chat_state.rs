//! Typing notices. They reach devices that are there, and wait for nobody.

use whatsapp_rust::wacore_binary::Node;

use crate::account::Addressing;
use crate::address::DeviceAddress;
use crate::server::{Delivery, Server};
use crate::stanza::Stanza as _;

pub(super) fn relay(server: &Server, origin: &DeviceAddress, notice: &Node) -> Vec<Delivery> {
    let Some(to) = notice.address("to") else {
        return Vec::new();
    };
    let (Some(account), Some(author)) = (server.directory.resolve(&to), server.directory.get(&origin.number)) else {
        return Vec::new();
    };
    let mut relayed = notice.clone();
    relayed.unset("to");
    relayed.set("from", author.jid(Addressing::of(&to), 0));
    let registry = account.registry.lock();
    registry
        .devices
        .keys()
        .map(|device| Delivery {
            to: DeviceAddress::new(account.number.clone(), *device),
            stanza: relayed.clone(),
            kept: false,
        })
        .collect()
}
