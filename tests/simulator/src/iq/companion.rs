//! A companion logs itself out.

use std::sync::Arc;

use super::Query;
use crate::login::conflict;
use crate::phone;

/// Takes the asking device off the account. It is given time to read the answer and to close by itself: a client whose
/// socket closes first takes its logout for failed.
pub(super) fn remove(query: &Query<'_>) {
    query.answer(Vec::new());
    let (server, link) = (Arc::clone(query.server), query.peer.link.clone());
    phone::remove_companion(&server, &query.peer.account, query.peer.device);
    let linger = server.timing.logout_linger;
    query.server.tasks.spawn(async move {
        tokio::time::sleep(linger).await;
        link.close_with(conflict("device_removed"));
    });
}
