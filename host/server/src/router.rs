//! The one table of routes, and what surrounds them all.
//!
//! A route's path, method and description stand at its handler (`#[utoipa::path]`); this table is the router and the OpenAPI
//! document at once, so the two cannot differ. What is none of them may be a dialect's. Paths that start with `api`, `docs`, `healthz`, `readyz`, `metrics`,
//! `openapi.json` or `assets` are the host's own for ever.

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::{Router, middleware};
use switchboard_core::problem::{Code, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::dialects::dialects;
use crate::edge::edge;
use crate::openapi;
use crate::problem::Failure;
use crate::routes::{health, messages, plugins, sessions, signed_urls, token, tokens};

/// Every route there is.
pub(crate) fn table() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::head())
        // Tokens
        .routes(routes!(token::get::get))
        .routes(routes!(tokens::list::list, tokens::create::create))
        .routes(routes!(tokens::revoke::revoke))
        .routes(routes!(signed_urls::create::create))
        // Sessions
        .routes(routes!(sessions::list::list, sessions::create::create))
        .routes(routes!(
            sessions::get::get,
            sessions::update::update,
            sessions::delete::delete
        ))
        .routes(routes!(sessions::qr::qr))
        .routes(routes!(sessions::events::events))
        .routes(routes!(sessions::restart::restart))
        .routes(routes!(sessions::logout::logout))
        .routes(routes!(sessions::relink::relink))
        // Messages
        .routes(routes!(messages::send::send))
        .routes(routes!(messages::log::log))
        .routes(routes!(messages::voices::voices))
        .routes(routes!(messages::voices::tts_voices))
        .routes(routes!(messages::voices::speech_voices))
        .routes(routes!(messages::get::get))
        // Plugins
        .routes(routes!(plugins::list::list))
        .routes(routes!(plugins::reload::reload))
        .routes(routes!(plugins::enable::enable))
        .routes(routes!(plugins::disable::disable))
        // Operations
        .routes(routes!(openapi::serve))
        .routes(routes!(health::live::live))
        .routes(routes!(health::ready::ready))
}

/// The router with everything around it.
pub(crate) fn router(app: App) -> Router {
    Router::from(table())
        .fallback(dialects)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(app.max_body_bytes))
        .layer(middleware::from_fn_with_state(app.clone(), edge))
        .with_state(app)
}

async fn method_not_allowed(method: Method) -> Failure {
    Problem::new(
        Code::METHOD_NOT_ALLOWED,
        format!("This route does not take {method}; the header Allow lists what it takes."),
    )
    .into()
}
