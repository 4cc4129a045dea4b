//! What waits for a device: every stanza that it must acknowledge stays here until it does.
//!
//! A stanza sent to an open socket waits as well, so one that the client took but did not acknowledge comes again after
//! the next login, marked `offline`. That is WhatsApp's at-least-once delivery.

use std::collections::VecDeque;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;
use whatsapp_rust::wacore_binary::Node;

use crate::blob::Blob;
use crate::stanza::{self, Stanza as _};

/// The most that waits for one device; beyond it the oldest is dropped.
const CAPACITY: usize = 10_000;

/// The stanzas that a device has not acknowledged, oldest first.
#[derive(Default)]
pub(crate) struct Mailbox(VecDeque<Arc<Node>>);

impl Mailbox {
    /// Puts a stanza at the end.
    pub(crate) fn push(&mut self, stanza: Arc<Node>) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(stanza);
    }

    /// Removes the first stanza of this class (`message`, `receipt`, `notification`) and id.
    pub(crate) fn acknowledge(&mut self, class: &str, id: &str) {
        let position = self
            .0
            .iter()
            .position(|stanza| stanza.tag == class && stanza.text("id").as_deref() == Some(id));
        if let Some(position) = position {
            self.0.remove(position);
        }
    }

    /// Everything that waits, as it is sent after a login.
    pub(crate) fn backlog(&self) -> Vec<Node> {
        let mark = |stanza: &Arc<Node>| {
            let mut stanza = Node::clone(stanza);
            stanza.set("offline", "0");
            stanza
        };
        self.0.iter().map(mark).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Mailbox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let encoded: Result<Vec<Blob>, _> = self.0.iter().map(|stanza| stanza::encode(stanza).map(Blob)).collect();
        encoded.map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Mailbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Vec::<Blob>::deserialize(deserializer)?;
        let stanzas: Result<_, _> = encoded
            .iter()
            .map(|bytes| stanza::decode(bytes).map(Arc::new))
            .collect();
        stanzas.map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore_binary::builder::NodeBuilder;

    use super::*;

    fn stanza(class: &'static str, id: &str) -> Arc<Node> {
        Arc::new(NodeBuilder::new(class).attr("id", id).build())
    }

    fn ids(mailbox: &Mailbox) -> Vec<String> {
        let id = |stanza: &Node| stanza.text("id").unwrap().into_owned();
        mailbox.backlog().iter().map(id).collect()
    }

    #[test]
    fn an_acknowledged_stanza_leaves_the_others_in_order() {
        let mut mailbox = Mailbox::default();
        for id in ["A", "B", "C"] {
            mailbox.push(stanza("message", id));
        }
        mailbox.acknowledge("message", "B");
        assert_eq!(ids(&mailbox), ["A", "C"]);
    }

    #[test]
    fn an_acknowledgement_names_its_class() {
        let mut mailbox = Mailbox::default();
        mailbox.push(stanza("receipt", "A"));
        mailbox.acknowledge("message", "A");
        assert_eq!(ids(&mailbox), ["A"]);
    }

    #[test]
    fn the_backlog_is_marked_as_offline_and_stays_until_acknowledged() {
        let mut mailbox = Mailbox::default();
        mailbox.push(stanza("message", "A"));
        assert!(mailbox.backlog()[0].text("offline").is_some());
        assert_eq!(mailbox.len(), 1);
    }

    #[test]
    fn a_mailbox_survives_its_data_file() {
        let mut mailbox = Mailbox::default();
        mailbox.push(stanza("message", "A"));
        let text = serde_json::to_string(&mailbox).unwrap();
        let again: Mailbox = serde_json::from_str(&text).unwrap();
        assert_eq!(ids(&again), ["A"]);
    }
}
