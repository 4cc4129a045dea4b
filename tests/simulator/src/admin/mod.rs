//! The admin interface: HTTP by which a person or a test acts as the holder of the phones, and looks at the server.
//!
//! Every failure is a 4xx or 5xx with `{"error": "<a sentence>"}`.

mod faults;
mod pairing;
mod phones;
mod problem;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::server::Server;

type App = Arc<Server>;

fn router(server: App) -> Router {
    Router::new()
        .route("/admin/mock-phone/scan-qr", post(pairing::scan_qr))
        .route("/admin/mock-phone/enter-code", post(pairing::enter_code))
        .route("/admin/phones/{number}", post(phones::create))
        .route("/admin/phones/{number}/send", post(phones::send))
        .route("/admin/phones/{number}/messages", get(phones::messages))
        .route("/admin/phones/{number}/read", post(phones::read))
        .route("/admin/phones/{number}/played", post(phones::played))
        .route("/admin/phones/{number}/typing", post(phones::typing))
        .route("/admin/phones/{number}/unlink", post(phones::unlink))
        .route("/admin/faults", post(faults::inject))
        .route("/admin/state", get(state::show))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(server)
}

/// Serves the admin interface until the server stops.
pub(crate) async fn serve(server: App, listener: TcpListener) {
    let closing = server.closing.clone();
    let served = axum::serve(listener, router(server))
        .with_graceful_shutdown(closing.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the admin interface ended");
    }
}
