//! What happened since the server started, for tests to look at.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use whatsapp_rust::wacore_binary::Node;

use crate::locked::Locked;
use crate::noise::Pattern;

#[derive(Default)]
pub(crate) struct Counters {
    duplicates: AtomicU64,
    retries: AtomicU64,
    placeholders: AtomicU64,
    stanzas: Locked<BTreeMap<Cow<'static, str>, u64>>,
    queries: Locked<BTreeMap<String, u64>>,
    handshakes: Locked<BTreeMap<&'static str, u64>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Copies of messages that their device already had; acknowledged and dropped.
    pub duplicates_dropped: u64,
    /// Messages that phones asked for again or sent again.
    pub retries: u64,
    /// Requests of companions to their own phone for messages that they could not read.
    pub placeholders: u64,
    /// Stanzas from clients by tag.
    pub stanzas: BTreeMap<String, u64>,
    /// Queries from clients by type, namespace and first child.
    pub queries: BTreeMap<String, u64>,
    /// Handshakes by pattern: `xx`, `ik`, `xxfallback`.
    pub handshakes: BTreeMap<String, u64>,
}

impl Counters {
    pub(crate) fn duplicate(&self) {
        self.duplicates.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn placeholder(&self) {
        self.placeholders.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stanza(&self, stanza: &Node) {
        let mut stanzas = self.stanzas.lock();
        match stanzas.get_mut(stanza.tag.as_ref()) {
            Some(count) => *count += 1,
            None => {
                stanzas.insert(stanza.tag.clone(), 1);
            }
        }
    }

    pub(crate) fn query(&self, kind: &str, namespace: &str, subject: &str) {
        let name = format!("{kind} {namespace} {subject}");
        *self.queries.lock().entry(name).or_default() += 1;
    }

    pub(crate) fn handshake(&self, pattern: Pattern) {
        *self.handshakes.lock().entry(pattern.name()).or_default() += 1;
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            duplicates_dropped: self.duplicates.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            placeholders: self.placeholders.load(Ordering::Relaxed),
            stanzas: named(&self.stanzas.lock()),
            queries: self.queries.lock().clone(),
            handshakes: named(&self.handshakes.lock()),
        }
    }
}

fn named<K: ToString>(counts: &BTreeMap<K, u64>) -> BTreeMap<String, u64> {
    let entries = counts.iter().map(|(name, count)| (name.to_string(), *count));
    entries.collect()
}
