//! One message, as its sender encrypted it for each device, cut into one stanza per device.
//!
//! A message names its devices in `<participants>`; a retry names one device in `to`. The sender's own other devices get
//! a copy that says who the `recipient` was.

use std::collections::BTreeSet;
use std::sync::Arc;

use whatsapp_rust::Jid;
use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::{Node, NodeContent};

use super::ack::{self, Verdict};
use crate::account::{Account, Addressing};
use crate::address::DeviceAddress;
use crate::login::Peer;
use crate::pairing::display_name;
use crate::server::{Delivery, Server};
use crate::stanza::Stanza as _;

/// The refusal of a message to something that is no account: groups, broadcasts and channels are not simulated.
const UNSUPPORTED_RECIPIENT: u16 = 400;

pub(super) struct FanOut {
    pub(super) deliveries: Vec<Delivery>,
    /// The hash of the devices that should have been addressed, if the sender's list of them is out of date.
    pub(super) device_hash: Option<String>,
}

/// Takes a message from a client: acknowledges it, then delivers it.
pub(super) fn handle(server: &Arc<Server>, peer: &Peer, stanza: &Node) {
    let origin = peer.address();
    if let Some(code) = server.faults.nack(&origin) {
        ack::send(server, peer, stanza, Verdict::Refused(code));
        return;
    }
    match fan_out(server, &origin, stanza) {
        Ok(fan_out) => {
            ack::send(server, peer, stanza, Verdict::Accepted(fan_out.device_hash));
            server.deliver(fan_out.deliveries);
        }
        Err(code) => ack::send(server, peer, stanza, Verdict::Refused(code)),
    }
}

pub(super) fn fan_out(server: &Server, origin: &DeviceAddress, stanza: &Node) -> Result<FanOut, u16> {
    let to = stanza.address("to").ok_or(UNSUPPORTED_RECIPIENT)?;
    let sender = server.directory.get(&origin.number).ok_or(UNSUPPORTED_RECIPIENT)?;
    if !(to.is_pn() || to.is_lid()) {
        return Err(UNSUPPORTED_RECIPIENT);
    }
    let envelope = Envelope::new(server, &sender, origin, stanza, &to);
    let mut addressed = BTreeSet::new();
    let mut deliveries = Vec::new();
    for (jid, ciphertexts) in recipients(stanza, &to) {
        let Some(account) = server.directory.resolve(&jid) else {
            continue;
        };
        addressed.insert((account.number.clone(), jid.device));
        if envelope.is_new_to(server, &account, jid.device) {
            deliveries.push(Delivery {
                stanza: envelope.seal(account.number == sender.number, ciphertexts),
                to: DeviceAddress::new(account.number.clone(), jid.device),
                kept: true,
            });
        }
    }
    let device_hash = stanza
        .get_optional_child("participants")
        .and_then(|_| current_hash(server, &sender, origin, &to, &addressed));
    Ok(FanOut {
        deliveries,
        device_hash,
    })
}

/// Each device with the ciphertexts for it.
fn recipients<'a>(stanza: &'a Node, to: &Jid) -> Vec<(Jid, Vec<&'a Node>)> {
    let direct: Vec<&Node> = stanza.get_children_by_tag("enc").collect();
    let participants = stanza
        .get_optional_child("participants")
        .into_iter()
        .flat_map(|participants| participants.list())
        .filter_map(|device| Some((device.address("jid")?, device.list().iter().collect())));
    let mut recipients: Vec<_> = participants.collect();
    if !direct.is_empty() {
        recipients.push((to.clone(), direct));
    }
    recipients
}

/// What all copies of one message have in common.
struct Envelope<'a> {
    sender: &'a Account,
    id: String,
    /// A message between the devices of one account about themselves, such as a key share.
    is_peer: bool,
    base: Node,
    recipient: Jid,
    attachments: Vec<&'a Node>,
}

impl<'a> Envelope<'a> {
    fn new(server: &Server, sender: &'a Account, origin: &DeviceAddress, stanza: &'a Node, to: &Jid) -> Self {
        let addressing = Addressing::of(to);
        let id = stanza.text("id").unwrap_or_default().into_owned();
        let mut base = NodeBuilder::new("message")
            .attr("id", id.as_str())
            .attr("from", sender.jid(addressing, origin.device))
            .attr("type", stanza.text("type").unwrap_or("text".into()).as_ref())
            .attr("t", server.clock.unix_seconds())
            .attr("notify", display_name(sender));
        base = match addressing {
            Addressing::Lid => base
                .attr("sender_pn", sender.jid(Addressing::Number, 0))
                .attr("addressing_mode", "lid"),
            Addressing::Number => base.attr("sender_lid", sender.jid(Addressing::Lid, 0)),
        };
        let mut base = base.build();
        for key in ["category", "edit"] {
            if let Some(value) = stanza.text(key) {
                base.set(key, value.as_ref());
            }
        }
        let own_kind = |child: &&Node| matches!(child.tag.as_ref(), "participants" | "enc");
        Self {
            sender,
            is_peer: stanza.text("category").as_deref() == Some("peer"),
            base,
            recipient: stanza.address("recipient").unwrap_or_else(|| to.clone()),
            attachments: stanza.list().iter().filter(|child| !own_kind(child)).collect(),
            id,
        }
    }

    /// Whether a device exists and does not have the message yet; from now on it has.
    fn is_new_to(&self, server: &Server, account: &Account, device: u16) -> bool {
        let mut registry = account.registry.lock();
        let Some(device) = registry.device(device) else {
            return false;
        };
        let new = self.is_peer || device.known.admit(self.sender.number.as_str(), &self.id);
        if !new {
            server.counters.duplicate();
        }
        new
    }

    fn seal(&self, own: bool, ciphertexts: Vec<&Node>) -> Node {
        let mut message = self.base.clone();
        if own && !self.is_peer {
            message.set("recipient", self.recipient.to_non_ad());
        }
        let children = ciphertexts.into_iter().chain(self.attachments.iter().copied());
        message.content = Some(NodeContent::Nodes(children.cloned().collect()));
        message
    }
}

/// The hash over all devices of both sides, if the addressed ones are others.
fn current_hash(
    server: &Server,
    sender: &Account,
    origin: &DeviceAddress,
    to: &Jid,
    addressed: &BTreeSet<(crate::address::Number, u16)>,
) -> Option<String> {
    let recipient = server.directory.resolve(to)?;
    let addressing = Addressing::of(to);
    let devices = |account: &Account| account.registry.lock().devices.keys().copied().collect::<Vec<_>>();
    let mut current: BTreeSet<_> = devices(sender)
        .into_iter()
        .filter(|device| *device != origin.device)
        .map(|device| (sender.number.clone(), device))
        .collect();
    if recipient.number != sender.number {
        let theirs = devices(&recipient);
        current.extend(theirs.into_iter().map(|device| (recipient.number.clone(), device)));
    }
    if current == *addressed {
        return None;
    }
    let jids: Vec<Jid> = current
        .iter()
        .filter_map(|(number, device)| Some(server.directory.get(number)?.jid(addressing, *device)))
        .collect();
    MessageUtils::participant_list_hash(&jids).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Simulator};

    async fn fan_out_to(participants: &[Jid]) -> FanOut {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        for number in ["15550000001", "15550000002"] {
            simulator.phone(number).unwrap();
        }
        let participants = participants.iter().map(|jid| {
            let enc = NodeBuilder::new("enc").build();
            NodeBuilder::new("to").attr("jid", jid).children([enc]).build()
        });
        let stanza = NodeBuilder::new("message")
            .attr("id", "A")
            .attr("to", Jid::pn("15550000002"))
            .children([NodeBuilder::new("participants").children(participants).build()])
            .build();
        let origin = DeviceAddress::new(crate::Number::parse("15550000001").unwrap(), 0);
        fan_out(simulator.server(), &origin, &stanza).unwrap_or_else(|code| panic!("refused with {code}"))
    }

    #[tokio::test]
    async fn a_sender_with_the_current_devices_gets_no_hash() {
        let fan_out = fan_out_to(&[Jid::pn("15550000002")]).await;
        assert_eq!(fan_out.deliveries.len(), 1);
        assert_eq!(fan_out.device_hash, None);
    }

    #[tokio::test]
    async fn a_sender_with_outdated_devices_gets_the_hash_of_the_current_ones() {
        let current = MessageUtils::participant_list_hash(&[Jid::pn("15550000002")]).unwrap();
        let fan_out = fan_out_to(&[Jid::pn("15550000002"), Jid::pn_device("15550000002", 7)]).await;
        assert_eq!(fan_out.deliveries.len(), 1, "the device that is gone gets nothing");
        assert_eq!(fan_out.device_hash, Some(current));
    }
}
