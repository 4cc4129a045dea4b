//! The token that programs on this machine fetch: the same one until half of its life is over, so that all of them share it and
//! it can be revoked as one.

use switchboard_core::problem::Problem;

use crate::app::App;

/// The token of this moment. Only its claims are stored; the same claims and key give the same text.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn current(app: &App) -> Result<String, Problem> {
    let token = app.service.app_token().await?;
    app.tokens.sign(&token, app.clock.now()).map_err(Problem::internal)
}
