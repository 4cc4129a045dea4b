//! What the methods are called with.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::Device;
use whatsapp_rust::wacore::store::traits::{DeviceInfo, DeviceListRecord, LidPnMappingEntry, MsgSecretEntry};

/// Some begin alike, one has characters that patterns and ranges stumble on.
const NAMES: [&str; 6] = ["1@s", "1:2@s", "12@s", "1", "12", "1%_'é"];
const IDS: [u32; 5] = [0, 1, 2, 812, u32::MAX];
/// The hour at which every run begins, in Unix seconds.
pub(crate) const NOON: i64 = 1_700_000_000;
const TIMES: [i64; 4] = [0, NOON - 5, NOON, NOON + 5];

/// What a method may be called with; each takes what it needs.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub(crate) name: &'static str,
    pub(crate) other: &'static str,
    pub(crate) third: &'static str,
    pub(crate) names: Vec<&'static str>,
    pub(crate) ids: Vec<u32>,
    pub(crate) blob: Vec<u8>,
    pub(crate) byte: u8,
    pub(crate) time: i64,
    pub(crate) later: i64,
    pub(crate) flag: bool,
}

impl Inputs {
    /// Inputs out of a few of the names, so that calls meet on the same rows.
    pub(crate) fn any() -> impl Strategy<Value = impl Strategy<Value = Self> + Clone> {
        subsequence(&NAMES, 1..=3).prop_map(|pool| Self::of(&pool))
    }

    fn of(pool: &[&'static str]) -> impl Strategy<Value = Self> + Clone + use<> {
        let name = || select(pool.to_vec());
        let names = (
            name(),
            name(),
            name(),
            subsequence(pool.to_vec(), 0..=pool.len()).prop_shuffle(),
        );
        let ids = subsequence(&IDS, 0..=IDS.len()).prop_shuffle();
        let values = (prop::collection::vec(any::<u8>(), 0..40), 0..4_u8, any::<bool>());
        (names, ids, values, select(&TIMES), select(&TIMES)).prop_map(
            |((name, other, third, names), ids, (blob, byte, flag), time, later)| Self {
                name,
                other,
                third,
                names,
                ids,
                blob,
                byte,
                time,
                later,
                flag,
            },
        )
    }

    pub(crate) fn id(&self) -> u32 {
        self.ids.first().copied().unwrap_or(7)
    }

    pub(crate) fn key(&self) -> [u8; 32] {
        [self.byte; 32]
    }

    pub(crate) fn rows(&self) -> Vec<(Arc<str>, Bytes)> {
        let row = |(i, name): (usize, &&str)| {
            (
                Arc::from(*name),
                Bytes::from([&self.blob, [i as u8].as_slice()].concat()),
            )
        };
        self.names.iter().enumerate().map(row).collect()
    }

    pub(crate) fn pairs(&self) -> Vec<LidPnMappingEntry> {
        let phone = |i: usize| if i.is_multiple_of(2) { self.other } else { self.third };
        let pair = |(i, lid): (usize, &&str)| LidPnMappingEntry {
            lid: (*lid).to_owned(),
            phone_number: phone(i).to_owned(),
            created_at: if i.is_multiple_of(3) { self.time } else { self.later },
            updated_at: self.later,
            learning_source: format!("source {}", self.byte),
        };
        self.names.iter().enumerate().map(pair).collect()
    }

    pub(crate) fn pair(&self) -> LidPnMappingEntry {
        LidPnMappingEntry {
            lid: self.name.to_owned(),
            phone_number: self.other.to_owned(),
            created_at: self.time,
            updated_at: self.later,
            learning_source: format!("source {}", self.byte),
        }
    }

    pub(crate) fn device_list(&self, user: &str) -> DeviceListRecord {
        DeviceListRecord {
            user: user.to_owned(),
            devices: self
                .ids
                .iter()
                .map(|id| DeviceInfo::new(*id, self.flag.then_some(*id)).with_hosting(self.flag))
                .collect(),
            timestamp: self.time,
            phash: self.flag.then(|| self.other.to_owned()),
            raw_id: (!self.flag).then_some(self.id()),
        }
    }

    pub(crate) fn macs(&self) -> Vec<AppStateMutationMAC> {
        let mac = |byte: u8| AppStateMutationMAC {
            index_mac: vec![byte; 32],
            value_mac: self.blob.clone(),
        };
        (0..=self.byte).map(mac).collect()
    }

    pub(crate) fn index_macs(&self) -> Vec<[u8; 32]> {
        (self.byte..4).rev().map(|byte| [byte; 32]).collect()
    }

    pub(crate) fn secrets(&self) -> Vec<MsgSecretEntry> {
        let secret = |(i, name): (usize, &&str)| MsgSecretEntry {
            chat: self.name.into(),
            sender: Arc::from(*name),
            msg_id: self.other.into(),
            secret: [i as u8; 32],
            expires_at: if i.is_multiple_of(2) { self.time } else { self.later },
            message_ts: self.time,
        };
        self.names.iter().enumerate().map(secret).collect()
    }

    pub(crate) fn device(&self) -> Device {
        static FRESH: LazyLock<Device> = LazyLock::new(Device::new);
        Device {
            push_name: self.name.to_owned(),
            pn: self.flag.then(|| "15550000001:7@s.whatsapp.net".parse().unwrap()),
            lid: (!self.flag).then(|| "100000000000001:7@lid".parse().unwrap()),
            next_pre_key_id: self.id(),
            edge_routing_info: self.flag.then(|| self.blob.clone()),
            adv_secret_key: self.key(),
            ..FRESH.clone()
        }
    }
}
