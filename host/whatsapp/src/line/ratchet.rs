//! A message is held back until the keys are on the disk with which its answer will be read, for two seconds at most.
//!
//! A message that arrives moves the Signal ratchet on: what is sent to its sender from then on names a key pair made at that moment,
//! and the sender's next message is encrypted for it. The library saves the new key pair a little later (25 ms and a commit) and does
//! not hold back what is sent meanwhile. If the process is killed in between, the other side holds a key whose private half is gone,
//! and nothing that the two say to each other can be read until one of them opens a new session.
//!
//! So the line's transport waits: what may hold a message leaves only when everything is saved, if anything that may have held a
//! message has come lately. What is too short for a message (acknowledgements, receipts, pings) neither counts nor waits, so that
//! sends to somebody who merely receives cost nothing more. What comes is measured by the read, TLS included: something short may pass
//! for a message, which costs a wait, and a message cut in two short pieces is missed; what is lost then, `repair` gets back.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use whatsapp_rust::transport::Transport;
use whatsapp_rust::wacore::stats::TransportResourceReport;
use whatsapp_rust::{Client, anyhow, async_trait};

use super::wire::Wire;

/// The least that a message takes on the socket. Signal's part alone, with a key of 33 bytes, one block of text and its code, is 66
/// bytes; Noise adds a tag of 16 and a length of 3, the stanza its own name, an id and an address.
pub(super) const SHORTEST_MESSAGE: usize = 96;
/// How long after a message came its ratchet may still be moving: it waits its turn to be decrypted, then to be saved.
const MOVING_FOR: Duration = Duration::from_secs(10);
/// How long something may be held back. While a backlog is worked off, saving waits for that work; it must never wait for us.
const PATIENCE: Duration = Duration::from_secs(2);

/// Saves the ratchets of one client.
#[derive(Default)]
pub(crate) struct Ratchet {
    client: OnceLock<Weak<Client>>,
}

impl Ratchet {
    /// Says whose ratchets they are: a client's transport is set up before the client is.
    pub(super) fn belongs_to(&self, client: &Arc<Client>) {
        self.client.get_or_init(|| Arc::downgrade(client));
    }

    /// Waits until every ratchet that has moved is on the disk.
    async fn settle(&self) {
        let Some(client) = self.client.get().and_then(Weak::upgrade) else {
            return;
        };
        // Better a message that the other side may have to repeat than none.
        match timeout(PATIENCE, client.flush_pending_signal_state()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "a message leaves although its keys could not be saved"),
            Err(_) => tracing::warn!("a message leaves before its keys are saved"),
        }
    }
}

/// A transport that holds back what must not leave yet.
pub(crate) struct Settled {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) ratchet: Arc<Ratchet>,
    pub(crate) wire: Arc<Wire>,
}

#[async_trait]
impl Transport for Settled {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        if data.len() >= SHORTEST_MESSAGE && self.wire.heard_a_message_within(MOVING_FOR) {
            self.ratchet.settle().await;
        }
        self.wire.saying();
        self.transport.send(data).await
    }

    async fn disconnect(&self) {
        self.transport.disconnect().await;
    }

    fn resource_report(&self) -> Option<TransportResourceReport> {
        self.transport.resource_report()
    }
}
