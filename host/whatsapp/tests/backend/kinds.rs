//! Every method of the library's storage traits by its name, grouped by the kind of row it is about.

/// The methods of one kind of row.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) writes: &'static [&'static str],
    pub(crate) reads: &'static [&'static str],
}

const fn kind(writes: &'static [&'static str], reads: &'static [&'static str]) -> Kind {
    Kind { writes, reads }
}

/// Not here: `create`, which mints random keys and is a step of its own, and `snapshot_db` and `resource_report`, which have tests of
/// their own.
pub(crate) const KINDS: &[Kind] = &[
    kind(
        &["put_identity", "put_identities_batch", "delete_identity"],
        &["load_identity", "has_signal_state_for_user"],
    ),
    kind(
        &["put_session", "put_sessions_batch", "delete_session"],
        &["get_session", "has_session", "has_signal_state_for_user"],
    ),
    kind(
        &[
            "store_prekey",
            "store_prekeys_batch",
            "mark_prekeys_uploaded",
            "remove_prekey",
        ],
        &["load_prekey", "load_prekeys_batch", "get_max_prekey_id"],
    ),
    kind(
        &["store_signed_prekey", "remove_signed_prekey"],
        &["load_signed_prekey", "load_all_signed_prekeys"],
    ),
    kind(
        &["put_sender_key", "put_sender_keys_batch", "delete_sender_key"],
        &["get_sender_key"],
    ),
    kind(&["set_sync_key"], &["get_sync_key", "get_latest_sync_key_id"]),
    kind(&["set_version"], &["get_version"]),
    kind(
        &["put_mutation_macs", "delete_mutation_macs", "clear_mutation_macs"],
        &["get_mutation_mac", "get_mutation_macs"],
    ),
    kind(
        &[
            "set_sender_key_status",
            "clear_sender_key_devices",
            "delete_sender_key_device_rows",
            "clear_all_sender_key_devices",
        ],
        &["get_sender_key_devices"],
    ),
    kind(
        &["put_lid_mapping", "put_lid_mappings"],
        &["get_lid_mapping", "get_pn_mapping", "get_all_lid_mappings"],
    ),
    kind(&["save_base_key", "delete_base_key"], &["has_same_base_key"]),
    kind(
        &["update_device_list", "update_device_lists", "delete_devices"],
        &["get_devices"],
    ),
    kind(
        &["put_group_metadata", "delete_group_metadata"],
        &["get_group_metadata"],
    ),
    kind(
        &[
            "put_tc_token",
            "touch_tc_token_sender_timestamp",
            "store_received_tc_token",
            "delete_tc_token",
            "delete_expired_tc_tokens",
        ],
        &["get_tc_token", "get_all_tc_token_jids"],
    ),
    kind(
        &[
            "store_sent_message",
            "take_sent_message",
            "delete_expired_sent_messages",
        ],
        &[],
    ),
    kind(
        &[
            "store_pending_inbound",
            "store_pending_inbound_batch",
            "delete_pending_inbound",
            "delete_pending_inbound_batch",
            "delete_expired_pending_inbound",
        ],
        &["get_pending_inbound"],
    ),
    kind(&["save"], &["load", "exists"]),
    kind(
        &["put_msg_secret", "put_msg_secrets", "delete_expired_msg_secrets"],
        &["get_msg_secret", "get_msg_secret_with_ts"],
    ),
];

#[test]
fn every_method_of_the_five_traits_is_named() {
    let mut all: Vec<_> = KINDS
        .iter()
        .flat_map(|kind| kind.writes.iter().chain(kind.reads))
        .collect();
    all.sort();
    all.dedup();
    // 57 required and 25 with a default, less the three named above.
    assert_eq!(all.len(), 57 + 25 - 3);
}
