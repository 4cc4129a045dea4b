//! The token that programs on this machine fetch: the same one until half of its life is over, so that all of them share it and
//! it can be revoked as one.

use std::time::Duration;

use switchboard_core::problem::Problem;

use super::jwt::Claims;
use super::scope::Scopes;
use crate::app::App;

/// How long it is valid.
pub(crate) const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// `sub` of the token.
const SUBJECT: &str = "app";

/// The token of this moment. Only its claims are stored; the same claims and key give the same text.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn current(app: &App) -> Result<String, Problem> {
    let issued = app.service.app_token(SUBJECT, LIFETIME).await?;
    let claims: Claims = app
        .tokens
        .claims(SUBJECT, issued.jti.clone(), issued.issued_at, LIFETIME, Scopes::all());
    app.tokens.sign(&claims, app.clock.now()).map_err(Problem::internal)
}
