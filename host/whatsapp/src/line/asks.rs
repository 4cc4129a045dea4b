//! What a line's task asks of its client.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::event::Account;
use switchboard_core::ids::SessionId;
use tokio::time::timeout;
use whatsapp_rust::Client;
use whatsapp_rust::wacore::iq::keepalive::KeepaliveSpec;

use super::current::Current;
use crate::jid;

/// How long WhatsApp may take to answer a logout.
const LOGOUT_PATIENCE: Duration = Duration::from_secs(10);

/// The account that a client is linked to.
pub(super) fn account(client: &Client) -> Option<Account> {
    let own = client.pn()?;
    Some(Account {
        number: jid::bare(&own)?.number()?,
        device: own.device,
        lid: client.lid().as_ref().and_then(jid::bare),
        push_name: Some(client.push_name()).filter(|name| !name.is_empty()),
    })
}

/// Has WhatsApp say something. What it says does not matter, so nobody waits for it.
pub(super) async fn ask(current: Arc<Current<Arc<Client>>>) {
    let Some(in_use) = current.get().await else { return };
    let asked = in_use.wait(in_use.client().execute(KeepaliveSpec::new())).await;
    tracing::debug!(
        answered = matches!(asked, Some(Ok(()))),
        "asked whether a silent socket is alive"
    );
}

/// Tells WhatsApp, if it can be told, that the device is gone.
pub(super) async fn log_out(client: &Arc<Client>, session: &SessionId) {
    if !client.is_logged_in() {
        tracing::warn!(
            %session,
            "logged out without a connection: the phone goes on listing the device until it is removed there"
        );
    }
    if timeout(LOGOUT_PATIENCE, client.logout()).await.is_err() {
        tracing::warn!(%session, "WhatsApp did not answer the logout");
    }
}
