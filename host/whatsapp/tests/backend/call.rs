//! Calling a method by its name.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::store::traits::{
    AppStateSyncKey, Backend, PendingInboundKey, PendingInboundRow, TcTokenEntry,
};

use crate::inputs::Inputs;

/// What a call gave back, in a form in which two backends can be compared.
fn seen<T: Debug, E: Debug>(outcome: Result<T, E>) -> String {
    format!("{:?}", outcome.unwrap())
}

/// As [`seen`], for lists without an order.
fn seen_sorted<T: Debug, E: Debug>(outcome: Result<impl IntoIterator<Item = T>, E>) -> String {
    let mut all: Vec<_> = outcome.unwrap().into_iter().map(|one| format!("{one:?}")).collect();
    all.sort();
    format!("{all:?}")
}

/// As [`seen`], for records that only their stored form shows completely.
fn seen_stored<T: Serialize, E: Debug>(outcome: Result<T, E>) -> String {
    serde_json::to_string(&outcome.unwrap()).unwrap()
}

/// Calls one method and tells what was to be seen.
///
/// # Panics
/// When the method fails, or is none.
pub(crate) async fn call(method: &str, backend: &dyn Backend, with: &Inputs) -> String {
    let Inputs {
        name,
        other,
        third,
        names,
        ids,
        blob,
        time,
        later,
        flag,
        ..
    } = with;
    match method {
        "put_identity" => seen(backend.put_identity(name, with.key()).await),
        "put_identities_batch" => {
            let rows: Vec<_> = names.iter().map(|name| (Arc::from(*name), with.key())).collect();
            seen(backend.put_identities_batch(&rows).await)
        }
        "load_identity" => seen(backend.load_identity(name).await),
        "delete_identity" => seen(backend.delete_identity(name).await),
        "get_session" => seen(backend.get_session(name).await),
        "put_session" => seen(backend.put_session(name, blob).await),
        "put_sessions_batch" => seen(backend.put_sessions_batch(&with.rows()).await),
        "delete_session" => seen(backend.delete_session(name).await),
        "has_session" => seen(backend.has_session(name).await),
        "has_signal_state_for_user" => seen(backend.has_signal_state_for_user(name).await),
        "store_prekey" => seen(backend.store_prekey(with.id(), blob, *flag).await),
        "store_prekeys_batch" => {
            let keys: Vec<_> = ids.iter().map(|id| (*id, Bytes::copy_from_slice(blob))).collect();
            seen(backend.store_prekeys_batch(&keys, *flag).await)
        }
        "load_prekey" => seen(backend.load_prekey(with.id()).await),
        "load_prekeys_batch" => seen(backend.load_prekeys_batch(ids).await),
        "mark_prekeys_uploaded" => seen(backend.mark_prekeys_uploaded(ids).await),
        "remove_prekey" => seen(backend.remove_prekey(with.id()).await),
        "get_max_prekey_id" => seen(backend.get_max_prekey_id().await),
        "store_signed_prekey" => seen(backend.store_signed_prekey(with.id(), blob).await),
        "load_signed_prekey" => seen(backend.load_signed_prekey(with.id()).await),
        "load_all_signed_prekeys" => seen_sorted(backend.load_all_signed_prekeys().await),
        "remove_signed_prekey" => seen(backend.remove_signed_prekey(with.id()).await),
        "put_sender_key" => seen(backend.put_sender_key(name, blob).await),
        "put_sender_keys_batch" => seen(backend.put_sender_keys_batch(&with.rows()).await),
        "get_sender_key" => seen(backend.get_sender_key(name).await),
        "delete_sender_key" => seen(backend.delete_sender_key(name).await),

        "get_sync_key" => seen(backend.get_sync_key(&with.key()).await.map(|key| key.map(stored))),
        "set_sync_key" => {
            let key = AppStateSyncKey {
                key_data: blob.clone(),
                fingerprint: with.key().to_vec(),
                timestamp: *time,
            };
            seen(backend.set_sync_key(&with.key(), key).await)
        }
        "get_version" => seen_stored(backend.get_version(name).await),
        "set_version" => {
            let state = HashState {
                version: u64::from(with.id()),
                hash: [with.byte; 128],
                index_value_map: [(other.to_string(), blob.clone())].into(),
                mac_mismatch_fatal: *flag,
            };
            seen(backend.set_version(name, state).await)
        }
        "put_mutation_macs" => seen(backend.put_mutation_macs(name, 1, &with.macs()).await),
        "get_mutation_mac" => seen(backend.get_mutation_mac(name, &with.key()).await),
        "get_mutation_macs" => seen_sorted(backend.get_mutation_macs(name, &with.index_macs()).await),
        "delete_mutation_macs" => {
            let indexes: Vec<_> = with.index_macs().iter().map(|index| index.to_vec()).collect();
            seen(backend.delete_mutation_macs(name, &indexes).await)
        }
        "clear_mutation_macs" => seen(backend.clear_mutation_macs(name).await),
        "get_latest_sync_key_id" => seen(backend.get_latest_sync_key_id().await),

        "get_sender_key_devices" => seen_sorted(backend.get_sender_key_devices(name).await),
        "set_sender_key_status" => {
            let entries: Vec<_> = names.iter().map(|device| (*device, *flag)).collect();
            seen(backend.set_sender_key_status(name, &entries).await)
        }
        "clear_sender_key_devices" => seen(backend.clear_sender_key_devices(name).await),
        "delete_sender_key_device_rows" => seen(backend.delete_sender_key_device_rows(&names[..names.len() / 2]).await),
        "clear_all_sender_key_devices" => seen(backend.clear_all_sender_key_devices().await),
        "get_lid_mapping" => seen(backend.get_lid_mapping(name).await),
        "get_pn_mapping" => seen(backend.get_pn_mapping(name).await),
        "put_lid_mapping" => seen(backend.put_lid_mapping(&with.pair()).await),
        "put_lid_mappings" => seen(backend.put_lid_mappings(&with.pairs()).await),
        "get_all_lid_mappings" => seen_sorted(backend.get_all_lid_mappings().await),
        "save_base_key" => seen(backend.save_base_key(name, other, &with.key()).await),
        "has_same_base_key" => seen(backend.has_same_base_key(name, other, &with.key()).await),
        "delete_base_key" => seen(backend.delete_base_key(name, other).await),
        "update_device_list" => seen(backend.update_device_list(with.device_list(name)).await),
        "update_device_lists" => {
            let lists = names.iter().map(|user| with.device_list(user)).collect();
            seen(backend.update_device_lists(lists).await)
        }
        "get_devices" => seen(backend.get_devices(name).await),
        "delete_devices" => seen(backend.delete_devices(name).await),
        "get_group_metadata" => seen(backend.get_group_metadata(name).await),
        "put_group_metadata" => seen(backend.put_group_metadata(name, blob).await),
        "delete_group_metadata" => seen(backend.delete_group_metadata(name).await),
        "get_tc_token" => seen(backend.get_tc_token(name).await),
        "put_tc_token" => {
            let sender_timestamp = flag.then_some(*later);
            let entry = TcTokenEntry {
                token: blob.clone(),
                token_timestamp: *time,
                sender_timestamp,
            };
            seen(backend.put_tc_token(name, &entry).await)
        }
        "delete_tc_token" => seen(backend.delete_tc_token(name).await),
        "get_all_tc_token_jids" => seen_sorted(backend.get_all_tc_token_jids().await),
        "delete_expired_tc_tokens" => seen(backend.delete_expired_tc_tokens(*time, *later).await),
        "touch_tc_token_sender_timestamp" => seen(backend.touch_tc_token_sender_timestamp(name, *time).await),
        "store_received_tc_token" => seen(backend.store_received_tc_token(name, blob, *time).await),
        "store_sent_message" => seen(backend.store_sent_message(name, other, blob).await),
        "take_sent_message" => seen(backend.take_sent_message(name, other).await),
        "delete_expired_sent_messages" => seen(backend.delete_expired_sent_messages(*time).await),
        "store_pending_inbound" => seen(backend.store_pending_inbound(name, other, third, blob).await),
        "get_pending_inbound" => seen(backend.get_pending_inbound(name, other, third).await),
        "delete_pending_inbound" => seen(backend.delete_pending_inbound(name, other, third).await),
        "delete_expired_pending_inbound" => seen(backend.delete_expired_pending_inbound(*time).await),
        "store_pending_inbound_batch" => {
            let row = |id: &&'static str| PendingInboundRow {
                chat: name,
                sender: other,
                id,
                message: blob,
            };
            seen(
                backend
                    .store_pending_inbound_batch(&names.iter().map(row).collect::<Vec<_>>())
                    .await,
            )
        }
        "delete_pending_inbound_batch" => {
            let key = |id: &&'static str| PendingInboundKey {
                chat: name,
                sender: other,
                id,
            };
            seen(
                backend
                    .delete_pending_inbound_batch(&names.iter().map(key).collect::<Vec<_>>())
                    .await,
            )
        }

        "save" => seen(backend.save(&with.device()).await),
        "load" => seen_stored(backend.load().await),
        "exists" => seen(backend.exists().await),

        "put_msg_secret" => seen(backend.put_msg_secret(name, other, third, &with.key()).await),
        "put_msg_secrets" => seen(backend.put_msg_secrets(with.secrets()).await),
        "get_msg_secret" => seen(backend.get_msg_secret(name, other, third).await),
        "get_msg_secret_with_ts" => seen(backend.get_msg_secret_with_ts(name, other, third).await),
        "delete_expired_msg_secrets" => seen(backend.delete_expired_msg_secrets(*time).await),
        _ => panic!("{method} is no method of the storage traits"),
    }
}

fn stored(record: impl Serialize) -> String {
    serde_json::to_string(&record).unwrap()
}
