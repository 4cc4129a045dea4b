//! How the protocol library's client is set up.

use std::sync::Arc;

use whatsapp_rust::bot::Bot;
use whatsapp_rust::wacore::store::DevicePropsOverride;
use whatsapp_rust::waproto::whatsapp::device_props::PlatformType;
use whatsapp_rust::{CacheConfig, CacheEntryConfig};

use super::ears::Ears;
use super::inbound::Commit;
use super::ratchet::Ratchet;
use super::rests;
use super::task::Parts;
use crate::backend::{Backend, Redelivery};
use crate::masked::Masked;
use crate::transport::LineTransport;

/// Of so many questions to the phone the library knows that they were asked a moment ago, and does not ask them again for every copy
/// that arrives. Its own memory is a day long: a question whose answer is lost could not be asked anew.
const QUESTIONS: u64 = 512;

/// A client for the session's keys, not started yet. At most one may be alive on one key store.
pub(super) async fn build(parts: &Parts) -> Result<Bot, Masked> {
    let Parts {
        shared,
        session,
        keys,
        proxy,
        sink,
        wire,
        repair,
        ..
    } = parts;
    let ways = shared.ways.of(proxy.as_ref());
    let ways = ways.map_err(|error| Masked::chain(&error))?;
    let version = shared.versions.current(&*shared.clock).await;
    let redelivery = Arc::clone(repair) as Arc<dyn Redelivery>;
    let ratchet = Arc::new(Ratchet::default());
    let mut builder = Bot::builder()
        .with_backend(Backend::telling(keys.clone(), redelivery))
        .with_transport_factory(LineTransport {
            dialer: ways.dialer,
            wire: Arc::clone(wire),
            ratchet: Arc::clone(&ratchet),
        })
        .with_http_client(ways.http)
        .with_cache_config(CacheConfig {
            pdo_requested: CacheEntryConfig::new(Some(rests::FIRST / 2), QUESTIONS),
            ..CacheConfig::default()
        })
        // The library forgets both of these between clients.
        .with_version(version)
        .with_device_props(
            DevicePropsOverride::new()
                .with_os(&shared.device_name)
                .with_platform_type(PlatformType::CHROME),
        )
        .skip_history_sync()
        .with_event_handler(Ears {
            session: *session,
            sink: Arc::clone(sink),
            wire: Arc::clone(wire),
        })
        .with_inbound_durability_hook(Commit {
            session: *session,
            sink: Arc::clone(sink),
        });
    if let Some(count) = shared.pre_keys {
        builder = builder.with_wanted_pre_key_count(count);
    }
    let bot = builder.build().await.map_err(|error| Masked::chain(&error))?;
    ratchet.belongs_to(&bot.client());
    // A companion that never says it is online reports `inactive`, and the sender sees no second tick.
    bot.client().set_force_active_delivery_receipts(true);
    Ok(bot)
}
