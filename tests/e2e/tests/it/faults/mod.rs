//! What WhatsApp and the network do wrong: what the session says then, what is tried again, and what becomes of messages meanwhile.
//! The table for operators is in `host/whatsapp/FAULTS.md`.

mod logins;
mod messages;
mod network;
mod streams;

use serde_json::Value;

use crate::support::World;

/// Seconds from the last loss of a session to its next attempt to connect.
fn wait_of(info: &Value) -> f64 {
    let seconds = |moment: &Value| {
        let text = moment.as_str().expect("a moment");
        let part = |range: std::ops::Range<usize>| text[range].parse::<f64>().expect("a number");
        part(11..13) * 3600.0 + part(14..16) * 60.0 + part(17..23)
    };
    let wait = seconds(&info["health"]["retryAt"]) - seconds(&info["lastLoss"]["at"]);
    wait.rem_euclid(86_400.0)
}

/// Waits until the session has been lost for this reason and, as it may be, has come back since; returns its info.
async fn lost(world: &World, session: &str, code: &str) -> Value {
    world.api.lost(session, code).await
}

/// The same, for a loss after which the session waits before it tries again.
async fn waits(world: &World, session: &str, code: &str) -> Value {
    let path = format!("/api/sessions/{session}");
    let is_it = |info: &Value| {
        let waits = info["lastLoss"]["code"] == code && info["health"]["retryAt"].is_string();
        waits.then(|| info.clone())
    };
    world.api.until(&path, is_it).await
}

async fn restart(world: &World, session: &str) {
    let path = format!("/api/sessions/{session}/restart");
    world.api.post(&path, &serde_json::json!({})).await.expect(200);
    world.api.session_becomes(session, "READY").await;
}
