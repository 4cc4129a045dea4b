//! What the oracle cannot show: a device of random keys, the methods that are refused, and failures that must reach the library.

use std::sync::Arc;

use bytes::Bytes;
use whatsapp_rust::wacore::store::error::StoreError;
use whatsapp_rust::wacore::store::traits::{DeviceStore, ProtocolStore, SignalStore};
use whatsapp_rust::wacore::store::{CachedNoiseCert, CachedServerCertChain};
use whatsapp_rust::waproto::whatsapp::ADVSignedDeviceIdentity;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_device_is_created_once_and_keeps_its_keys_and_its_number() {
    let mut fixture = Fixture::at_rest();
    assert!(!fixture.backend(0).exists().await.unwrap());
    let number = fixture.backend(0).create().await.unwrap();
    let device = fixture.backend(0).load().await.unwrap().unwrap();
    fixture.reopen().await;

    assert_eq!(fixture.backend(0).create().await.unwrap(), number);
    let again = fixture.backend(0).load().await.unwrap().unwrap();
    assert_eq!(
        again.noise_key.private_key.serialize(),
        device.noise_key.private_key.serialize()
    );
    assert_eq!(again.identity_key.public_key, device.identity_key.public_key);
    assert_eq!(again.signed_pre_key_signature, device.signed_pre_key_signature);
    assert_ne!(fixture.backend(1).create().await.unwrap(), number);
}

#[tokio::test]
async fn every_field_of_a_linked_device_reads_back() {
    let mut fixture = Fixture::at_rest();
    fixture.backend(0).create().await.unwrap();
    let mut device = fixture.backend(0).load().await.unwrap().unwrap();
    device.pn = Some("15550000001:7@s.whatsapp.net".parse().unwrap());
    device.lid = Some("100000000000001:7@lid".parse().unwrap());
    device.account = Some(Arc::new(ADVSignedDeviceIdentity {
        details: Some(vec![1, 2, 3]),
        account_signature: Some(vec![4; 64]),
        device_signature: Some(vec![5; 64]),
        ..ADVSignedDeviceIdentity::default()
    }));
    device.push_name = "Zoë \"Z\" 🦀".to_owned();
    device.edge_routing_info = Some(vec![0, 255]);
    device.props_hash = Some("hash".to_owned());
    device.next_pre_key_id = u32::MAX;
    device.first_unupload_pre_key_id = 813;
    device.server_has_prekeys = true;
    device.nct_salt = Some(vec![9; 16]);
    let cert = CachedNoiseCert {
        key: [6; 32],
        not_before: -1,
        not_after: i64::MAX,
    };
    device.server_cert_chain = Some(CachedServerCertChain {
        intermediate: cert.clone(),
        leaf: cert,
    });
    device.login_counter = 41;
    device.lid_migrated = true;
    device.last_signed_pre_key_rotation_ms = 1_700_000_000_000;
    device.read_receipts_disabled = true;
    fixture.backend(0).save(&device).await.unwrap();
    fixture.reopen().await;

    let again = fixture.backend(0).load().await.unwrap().unwrap();
    assert_eq!(
        serde_json::to_string(&again).unwrap(),
        serde_json::to_string(&device).unwrap()
    );
    assert_eq!(again.account, device.account);
}

#[tokio::test]
async fn keys_are_never_copied_out_for_a_snapshot() {
    let fixture = Fixture::at_rest();
    let backend = fixture.backend(0);
    assert!(matches!(
        backend.snapshot_db("crash", Some(b"message")).await,
        Err(StoreError::Validation(_))
    ));
}

#[tokio::test]
async fn the_page_cache_is_nobody_s_own_memory() {
    let fixture = Fixture::at_rest();
    let report = fixture.backend(0).resource_report().await;
    assert_eq!(report.memory_bytes, Some(0));
}

#[tokio::test]
async fn a_write_that_did_not_happen_is_an_error_and_so_is_a_read() {
    let fixture = Fixture::at_rest();
    let backend = fixture.backend(0);
    fixture.close().await;
    let sessions = [(Arc::from("1@s"), Bytes::from_static(b"ratchet"))];
    assert!(matches!(
        backend.put_sessions_batch(&sessions).await,
        Err(StoreError::Database(_))
    ));
    assert!(matches!(backend.get_session("1@s").await, Err(StoreError::Database(_))));
    assert!(matches!(
        backend.delete_pending_inbound("c", "s", "i").await,
        Err(StoreError::Database(_))
    ));
    assert!(matches!(backend.load().await, Err(StoreError::Database(_))));
}

#[tokio::test]
async fn a_batch_that_breaks_a_rule_half_way_writes_nothing() {
    let fixture = Fixture::at_rest();
    let backend = fixture.backend(0);
    // A text with a NUL is refused by the database's edge, after the first row.
    let sessions = [
        (Arc::from("1@s"), Bytes::from_static(b"one")),
        (Arc::from("2\0@s"), Bytes::from_static(b"two")),
    ];
    assert!(backend.put_sessions_batch(&sessions).await.is_err());
    assert_eq!(backend.get_session("1@s").await.unwrap(), None);
}
