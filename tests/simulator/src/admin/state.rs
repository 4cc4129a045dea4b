//! The server at a glance: accounts, devices, who is connected, counters.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::App;
use crate::account::Account;
use crate::counters::Tally;
use crate::device::Device;

#[derive(Serialize)]
pub(super) struct Overview {
    accounts: Vec<AccountView>,
    counters: Tally,
}

#[derive(Serialize)]
struct AccountView {
    number: String,
    lid: String,
    /// How many messages the phone's log holds.
    messages: usize,
    devices: Vec<DeviceView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviceView {
    id: u16,
    /// Whether it has a socket. The phone is always there.
    online: bool,
    /// Stanzas that it has not acknowledged.
    waiting: usize,
    pre_keys: usize,
}

/// `GET /admin/state`.
pub(super) async fn show(State(server): State<App>) -> Json<Overview> {
    let accounts = server.directory.all();
    Json(Overview {
        accounts: accounts.iter().map(|account| view(account)).collect(),
        counters: server.counters.tally(),
    })
}

fn view(account: &Account) -> AccountView {
    let messages = account.phone.lock().message_count();
    let registry = account.registry.lock();
    AccountView {
        number: account.number.to_string(),
        lid: account.lid.clone(),
        messages,
        devices: registry.devices.values().map(device_view).collect(),
    }
}

fn device_view(device: &Device) -> DeviceView {
    DeviceView {
        id: device.id,
        online: device.id == crate::address::PHONE_DEVICE || device.link.is_some(),
        waiting: device.mailbox.len(),
        pre_keys: device.pre_keys.len(),
    }
}
