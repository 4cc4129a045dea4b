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
use whatsapp_rust::wacore_binary::NodeRef;

use super::inbound;
use super::news::News;
use super::pairing_code::NoCode;
use super::repair::Missing;
use super::wire::Wire;
use crate::jid;
use crate::sink::Sink;

/// Every kind of event that is of use here.
const INTEREST: [EventKind; 23] = [
    EventKind::AppStateSyncFailed,
    EventKind::ClientOutdated,
    EventKind::ConnectFailure,
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::LoggedOut,
    EventKind::Messages,
    EventKind::PairError,
    EventKind::PairPasskeyError,
    EventKind::PairPasskeyRequest,
    EventKind::PairSuccess,
    EventKind::PairingCode,
    EventKind::PairingCodeError,
    EventKind::PairingCodeRefresh,
    EventKind::PairingQrCode,
    EventKind::PairingQrCodesExhausted,
    EventKind::QrScannedWithoutMultidevice,
    // For the watchdog, and for the ends of streams: the library has no event for the codes 429 and 503.
    EventKind::RawNode,
    EventKind::Receipt,
    EventKind::ServerAck,
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
            // What is kept from companions altogether the phone would not tell either.
            Event::UndecryptableMessage(message) if message.info.source.is_self_fanout() && !message.is_unavailable => {
                self.wire.tell(News::Missing(Missing::from(&*message.info)));
            }
            Event::UndecryptableMessage(message) => {
                let id = &message.info.id;
                tracing::warn!(session = %self.session, stanza_id = %id, "a message cannot be decrypted; its sender is asked for it again");
                if !message.is_unavailable && !message.info.source.is_from_me {
                    self.wire.tell(News::Awaited(Missing::from(&*message.info)));
                }
            }
            Event::AppStateSyncFailed(failed) => {
                tracing::warn!(session = %self.session, connected = failed.connected, "settings of the account could not be synced");
            }
            Event::RawNode(node) => {
                self.wire.understood();
                if node.tag() == "stream:error"
                    && let Some(code) = stream_error(node.get())
                {
                    self.wire.tell(News::StreamError(code));
                }
            }
            other => {
                if let Some(news) = news(&self.session, other) {
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
fn news(session: &SessionId, event: &Event) -> Option<News> {
    Some(match event {
        Event::PairingQrCode(qr) => News::QrCode(qr.code.clone(), qr.timeout),
        Event::PairingQrCodesExhausted(_) => News::QrCodesExhausted,
        Event::PairSuccess(success) => News::Linked(account(success)?),
        Event::PairError(error) => News::PairingFailed(error.error.clone()),
        Event::PairingCode(code) => News::PairingCode(code.code.clone(), code.timeout),
        Event::PairingCodeRefresh(_) => News::PairingCodeWorthless,
        Event::PairingCodeError(error) => News::PairingCodeRefused(NoCode::of(error)),
        Event::PairPasskeyRequest(request) => News::Passkey(request.request_options_json.clone()),
        Event::PairPasskeyError(error) => News::PairingFailed(error.error.clone()),
        Event::QrScannedWithoutMultidevice(_) => {
            News::PairingFailed("the phone's WhatsApp is too old for linked devices".to_owned())
        }
        Event::Connected(_) => News::Connected,
        Event::Disconnected(disconnected) => News::Disconnected(disconnected.reason.to_string()),
        Event::ConnectFailure(failure) => News::Refused(failure.reason.code()),
        Event::StreamReplaced(_) => News::Replaced,
        Event::ClientOutdated(_) => News::Outdated,
        Event::TemporaryBan(ban) => News::Banned(ban.code.to_string(), ban.expire.to_std().unwrap_or_default()),
        Event::LoggedOut(logged_out) => News::LoggedOut(logout_reason(logged_out)),
        Event::Messages(batch) => {
            let ungated = inbound::batch(session, batch.iter().filter(|message| is_ungated(message)));
            return (!ungated.is_empty()).then_some(News::Ungated(ungated));
        }
        _ => return None,
    })
}

/// The code of the error that ends a stream, unless the library has an event for what it means.
fn stream_error(error: &NodeRef<'_>) -> Option<String> {
    let code = error.attrs().optional_string("code").unwrap_or_default().into_owned();
    let told = error.get_optional_child("conflict").is_some() || matches!(code.as_str(), "401" | "409" | "515" | "516");
    (!told).then_some(code)
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use switchboard_core::clock::ManualClock;
    use switchboard_core::event::InboundMessage as OurMessage;
    use switchboard_core::ids::{Jid, StanzaId};
    use switchboard_core::problem::Problem;
    use tokio::sync::mpsc;
    use whatsapp_rust::Jid as LibraryJid;
    use whatsapp_rust::wacore::types::message::MessageSource;

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<LineEvent>>);

    #[async_trait]
    impl Sink for Notes {
        async fn messages(&self, _: &SessionId, _: Vec<OurMessage>) -> Result<(), Problem> {
            Ok(())
        }

        async fn knows(&self, _: &SessionId, _: &Jid, _: &Jid, _: &StanzaId) -> Result<bool, Problem> {
            Ok(false)
        }

        fn event(&self, _: &SessionId, event: LineEvent) {
            self.0.lock().unwrap().push(event);
        }
    }

    /// What the sink hears of these events.
    fn heard(events: Vec<Event>) -> Vec<LineEvent> {
        let sink = Arc::new(Notes::default());
        let (tell, _news) = mpsc::unbounded_channel();
        let ears = Ears {
            session: "qr_1700000000000_00000001".parse().unwrap(),
            sink: Arc::clone(&sink) as Arc<dyn Sink>,
            wire: Arc::new(Wire::new(Arc::new(ManualClock::at(UnixMillis(5))), tell)),
        };
        events.into_iter().for_each(|event| ears.handle_event(Arc::new(event)));
        sink.0.lock().unwrap().clone()
    }

    fn ack(class: &str, error: Option<&str>) -> Event {
        let ack = ServerAck::builder().id("3EB0".to_owned()).class(class.to_owned());
        Event::ServerAck(ack.maybe_error(error.map(str::to_owned)).build())
    }

    fn receipt(kind: ReceiptType) -> Event {
        let receipt = Receipt::builder()
            .source(MessageSource {
                chat: LibraryJid::pn("15550000002"),
                sender: LibraryJid::pn_device("15550000002", 3),
                ..Default::default()
            })
            .message_ids(vec!["3EB0".into()])
            .timestamp(std::time::UNIX_EPOCH.into())
            .r#type(kind)
            .offline(false);
        Event::Receipt(receipt.build())
    }

    #[test]
    fn only_the_acknowledgement_of_a_message_is_one_and_an_odd_error_is_no_success() {
        let errors: Vec<_> = heard(vec![
            ack("receipt", None),
            ack("message", None),
            ack("message", Some("463")),
            ack("message", Some("odd")),
        ])
        .into_iter()
        .map(|event| match event {
            LineEvent::ServerAck { error, at, .. } => (error, at),
            other => panic!("{other:?}"),
        })
        .collect();
        let at = UnixMillis(5);
        assert_eq!(errors, [(None, at), (Some(463), at), (Some(u16::MAX), at)]);
    }

    #[test]
    fn receipts_between_our_own_devices_and_requests_to_send_again_are_no_progress() {
        let kinds = [
            ReceiptType::Delivered,
            ReceiptType::Inactive,
            ReceiptType::Retry,
            ReceiptType::ReadSelf,
            ReceiptType::Read,
            ReceiptType::Played,
        ];
        let heard: Vec<_> = heard(kinds.map(receipt).into())
            .into_iter()
            .map(|event| match event {
                LineEvent::Receipt { kind, sender, .. } => (kind, sender.user().to_owned()),
                other => panic!("{other:?}"),
            })
            .collect();
        let from = "15550000002".to_owned();
        let progress = [ReceiptKind::Delivered, ReceiptKind::Read, ReceiptKind::Played];
        assert_eq!(heard, progress.map(|kind| (kind, from.clone())));
    }
}
