//! The library's events as ours.
//!
//! [`Ears`] runs inside the library's dispatch, so it only sorts: acknowledgements and receipts go to the sink, everything that
//! concerns the line itself to its task. Messages come through the durability hook in `inbound`; the event that repeats them is
//! read only for those few that the hook never sees.

use std::sync::Arc;

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::{Account, LineEvent, LogoutReason, ReceiptKind};
use switchboard_core::ids::SessionId;
use whatsapp_rust::Server;
use whatsapp_rust::wacore::types::events::{
    ConnectFailureReason, Event, EventHandler, EventInterest, EventKind, InboundMessage, LoggedOut, PairSuccess,
    Receipt, ServerAck,
};
use whatsapp_rust::wacore::types::presence::ReceiptType;

use super::inbound;
use super::news::News;
use super::wire::Wire;
use crate::jid;
use crate::sink::Sink;

/// Every kind of event that is of use here.
const INTEREST: [EventKind; 18] = [
    EventKind::AppStateSyncFailed,
    EventKind::ClientOutdated,
    EventKind::ConnectFailure,
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::LoggedOut,
    EventKind::Messages,
    EventKind::PairError,
    EventKind::PairSuccess,
    EventKind::PairingQrCode,
    EventKind::PairingQrCodesExhausted,
    EventKind::QrScannedWithoutMultidevice,
    EventKind::Receipt,
    EventKind::ServerAck,
    EventKind::StreamError,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::UndecryptableMessage,
];

/// Listens to one client.
pub(super) struct Ears {
    pub(super) session: SessionId,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) wire: Arc<Wire>,
}

impl EventHandler for Ears {
    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::ServerAck(ack) => self.acknowledged(ack),
            Event::Receipt(receipt) => {
                if let Some(event) = receipt_event(receipt) {
                    self.sink.event(&self.session, event);
                }
            }
            Event::UndecryptableMessage(message) => {
                let id = &message.info.id;
                tracing::warn!(session = %self.session, stanza_id = %id, "a message cannot be decrypted; its sender is asked for it again");
            }
            Event::AppStateSyncFailed(failed) => {
                tracing::warn!(session = %self.session, connected = failed.connected, "settings of the account could not be synced");
            }
            other => {
                if let Some(news) = news(other) {
                    self.wire.tell(news);
                }
            }
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&INTEREST)
    }
}

impl Ears {
    fn acknowledged(&self, ack: &ServerAck) {
        // The server also acknowledges our receipts.
        if ack.class.as_deref() != Some("message") {
            return;
        }
        let Ok(stanza_id) = ack.id.parse() else { return };
        // WhatsApp's errors are numbers; one that is none must still not pass for a success.
        let error = ack.error.as_deref().map(|error| error.parse().unwrap_or(u16::MAX));
        let at = self.wire.acknowledged();
        self.sink
            .event(&self.session, LineEvent::ServerAck { stanza_id, error, at });
    }
}

/// What the line's task must know of an event.
fn news(event: &Event) -> Option<News> {
    Some(match event {
        Event::PairingQrCode(qr) => News::QrCode(qr.code.clone(), qr.timeout),
        Event::PairingQrCodesExhausted(_) => News::QrCodesExhausted,
        Event::PairSuccess(success) => News::Linked(account(success)?),
        Event::PairError(error) => News::PairingFailed(error.error.clone()),
        Event::QrScannedWithoutMultidevice(_) => {
            News::PairingFailed("the phone's WhatsApp is too old for linked devices".to_owned())
        }
        Event::Connected(_) => News::Connected,
        Event::Disconnected(disconnected) => News::Disconnected(disconnected.reason.to_string()),
        Event::StreamError(error) => News::StreamError(error.code.clone()),
        Event::ConnectFailure(failure) => News::Refused(failure.reason.code()),
        Event::StreamReplaced(_) => News::Replaced,
        Event::ClientOutdated(_) => News::Outdated,
        Event::TemporaryBan(ban) => News::Banned(ban.code.to_string(), ban.expire.to_std().unwrap_or_default()),
        Event::LoggedOut(logged_out) => News::LoggedOut(logout_reason(logged_out)),
        Event::Messages(batch) => {
            let ungated = inbound::batch(batch.iter().filter(|message| is_ungated(message)));
            return (!ungated.is_empty()).then_some(News::Ungated(ungated));
        }
        _ => return None,
    })
}

/// Posts of channels, and messages that the phone supplied afterwards: the library acknowledges both itself.
fn is_ungated(message: &InboundMessage) -> bool {
    message.info.source.chat.server == Server::Newsletter || message.info.unavailable_request_id.is_some()
}

fn account(success: &PairSuccess) -> Option<Account> {
    Some(Account {
        number: jid::bare(&success.id)?.number()?,
        device: success.id.device,
        lid: jid::bare(&success.lid),
        push_name: None,
    })
}

/// A login that was refused names its reason; a stream that was ended means that the phone removed the device.
fn logout_reason(logged_out: &LoggedOut) -> LogoutReason {
    let reason = u16::try_from(logged_out.reason.code()).unwrap_or(0);
    match logged_out.reason {
        ConnectFailureReason::LoggedOut => LogoutReason::RemovedByPhone,
        _ => LogoutReason::Refused(reason),
    }
}

fn receipt_event(receipt: &Receipt) -> Option<LineEvent> {
    let kind = match receipt.r#type {
        ReceiptType::Delivered => ReceiptKind::Delivered,
        ReceiptType::Read => ReceiptKind::Read,
        ReceiptType::Played => ReceiptKind::Played,
        _ => return None,
    };
    let stanza_ids: Vec<_> = receipt.message_ids.iter().filter_map(|id| id.parse().ok()).collect();
    if stanza_ids.is_empty() {
        return None;
    }
    Some(LineEvent::Receipt {
        kind,
        chat: jid::bare(&receipt.source.chat)?,
        sender: jid::bare(&receipt.source.sender)?,
        stanza_ids,
        at: UnixMillis(receipt.timestamp.timestamp_millis()),
    })
}
