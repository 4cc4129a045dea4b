//! Sessions as clients read them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::{Jid, LinkMethod, Mobid, PhoneNumber, SessionId};
use switchboard_core::status::SessionStatus;
use switchboard_store::sessions::Loss;
use switchboard_whatsapp::{Health, LinkStep, PairingCode, Passkey, QrCode};
use utoipa::ToSchema;

use crate::supervisor::handle::Moment;
use crate::wording::{rfc3339, rfc3339_or_null};

/// One linked WhatsApp device, or one that waits to be linked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Its id; stays the same for ever.
    #[schema(value_type = String, example = "qr_1700000000000_1a2b3c4d")]
    pub session_id: SessionId,
    /// Our phone-number-id, 15 digits: one for each number, for ever. Null before the first link.
    #[schema(value_type = Option<String>, example = "104857600000001")]
    pub mobid: Option<Mobid>,
    /// The linked number, or the last one.
    #[serde(rename = "mobile_number")]
    #[schema(value_type = Option<String>, example = "15550000001")]
    pub mobile_number: Option<PhoneNumber>,
    /// What is true at this moment: `READY` means that a message can be sent now.
    #[schema(value_type = String, example = "READY")]
    pub status: SessionStatus,
    /// How it is linked: `qr` or `phone`.
    #[schema(value_type = String, example = "qr")]
    pub method: LinkMethod,
    /// The operator's name for it.
    pub name: Option<String>,
    /// Whatever the operator keeps with it.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// Through whom its connections leave, with `***` for the password.
    #[schema(example = "http://user:***@10.0.0.5:3128")]
    pub proxy: Option<String>,
    /// The account's own name in WhatsApp.
    pub push_name: Option<String>,
    /// The account's number-free address.
    #[schema(value_type = Option<String>, example = "123456789@lid")]
    pub lid: Option<Jid>,
    /// When it was created.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, example = "2026-11-23T08:15:30.250Z")]
    pub created_at: UnixMillis,
    /// When it was linked last.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>)]
    pub linked_at: Option<UnixMillis>,
    /// When its connection was last known to be alive.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>)]
    pub last_seen_at: Option<UnixMillis>,
    /// The last loss of the connection or the link.
    pub last_loss: Option<LossView>,
    /// The last ten losses since the session was linked, the newest first. Only in the answer about one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses: Option<Vec<LossView>>,
    /// How the connection is doing. Only in the answer about one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthView>,
    /// What to scan, while there is something to scan. Only in the answer about one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr: Option<QrView>,
    /// What to type on the phone, while there is something to type: *Linked devices > Link a device > Link with phone number*. Only in
    /// the answer about one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairing_code: Option<PairingCodeView>,
    /// What WhatsApp wants before it links the device. Only in the answer about one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passkey: Option<PasskeyView>,
}

/// Why a connection or a link was lost.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LossView {
    /// What kind of loss, in one word that does not change: `socket`, `proxy`, `silent`, `handshake`, `stream`, `replaced`,
    /// `outdated`, `refused`, `banned`, `pairing` or `client` for the connection, `removed_by_phone`, `requested`, `locked`, `refused` or
    /// `keys_lost` for the link. `unknown` for a loss that an early version has stored.
    #[schema(value_type = String, example = "socket")]
    pub code: Cow<'static, str>,
    /// What happened.
    pub reason: String,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String)]
    pub at: UnixMillis,
}

/// How a connection is doing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthView {
    /// Whether there is a socket at this moment.
    pub socket_open: bool,
    /// When WhatsApp last sent anything, answers to our pings included.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>)]
    pub last_pong_at: Option<UnixMillis>,
    /// When WhatsApp last acknowledged a message.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>)]
    pub last_ack_at: Option<UnixMillis>,
    /// How many accepted messages WhatsApp has not acknowledged yet.
    pub queue_depth: u64,
    /// When the next attempt to connect is made, while the session waits for it. A restart makes it at once.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>)]
    pub retry_at: Option<UnixMillis>,
}

/// What the phone scans.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QrView {
    /// What the QR code says.
    pub code: String,
    /// When the next one takes its place.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String)]
    pub expires_at: UnixMillis,
}

/// Whoever scans the code owns the session, so it stays out of logs.
impl std::fmt::Debug for QrView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrView")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What is typed on the phone.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PairingCodeView {
    /// Eight characters; phones show them as two groups of four.
    #[schema(example = "ABCD1234")]
    pub code: String,
    /// When the next one takes its place.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String)]
    pub expires_at: UnixMillis,
}

/// Whoever types the code owns the session, so it stays out of logs.
impl std::fmt::Debug for PairingCodeView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingCodeView")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// WhatsApp's demand for the account's passkey.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyView {
    /// WebAuthn's `PublicKeyCredentialRequestOptions`, as WhatsApp sent them.
    #[schema(value_type = Object)]
    pub challenge: Value,
    /// How long it can be answered.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String)]
    pub expires_at: UnixMillis,
}

impl SessionView {
    /// What can be said without asking the database or the line.
    pub(crate) fn of(now: Moment) -> Self {
        let (row, line) = (now.row, now.line);
        let link = row.link.as_ref();
        Self {
            session_id: row.id,
            mobid: link.map(|link| link.mobid),
            mobile_number: link.map(|link| link.number.clone()),
            status: now.status,
            method: row.method(),
            name: row.name.clone(),
            metadata: row.metadata.clone(),
            proxy: row.proxy.as_ref().map(ToString::to_string),
            push_name: link.and_then(|link| link.push_name.clone()),
            lid: link.and_then(|link| link.lid.clone()),
            created_at: row.created_at,
            linked_at: link.map(|link| link.at),
            last_seen_at: row
                .last_seen_at
                .max(line.and_then(|open| open.line.health().last_frame)),
            last_loss: now.last_loss.map(LossView::of),
            losses: None,
            health: None,
            qr: None,
            pairing_code: None,
            passkey: None,
        }
    }

    /// The same, with what a person must do to link the session.
    pub(super) fn with_step(mut self, step: Option<LinkStep>) -> Self {
        match step {
            Some(LinkStep::ScanQr(QrCode { text, expires_at })) => {
                self.qr = Some(QrView { code: text, expires_at });
            }
            Some(LinkStep::TypeCode(PairingCode { text, expires_at })) => {
                self.pairing_code = Some(PairingCodeView { code: text, expires_at });
            }
            Some(LinkStep::GivePasskey(Passkey { challenge, expires_at })) => {
                let challenge = serde_json::from_str(&challenge).unwrap_or(Value::String(challenge));
                self.passkey = Some(PasskeyView { challenge, expires_at });
            }
            None => {}
        }
        self
    }

    /// Whether there is more to tell to whoever was told `before` than that the connection is alive, which it is all the time.
    pub(super) fn tells_more_than(&self, before: &Self) -> bool {
        let lasting = |view: &Self| Self {
            last_seen_at: None,
            health: None,
            ..view.clone()
        };
        lasting(self) != lasting(before)
    }
}

impl LossView {
    pub(super) fn of(Loss { at, kind, reason }: Loss) -> Self {
        let code = kind;
        Self { code, reason, at }
    }
}

impl HealthView {
    pub(super) const fn of(health: Health, queue_depth: u64, retry_at: Option<UnixMillis>) -> Self {
        Self {
            socket_open: health.socket_open,
            last_pong_at: health.last_frame,
            last_ack_at: health.last_ack,
            queue_depth,
            retry_at,
        }
    }
}
