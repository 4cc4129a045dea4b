//! What is true about a line.

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::{Account, LogoutReason};

use super::loss::Loss;

/// What a line is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineStatus {
    /// Not linked, and nothing to scan yet.
    Registering,
    /// Not linked; [`LineState::step`] is a QR code to scan.
    QrReady,
    /// Not linked; [`LineState::step`] is a code to type on the phone.
    PairingCodeReady,
    /// Not linked; [`LineState::step`] is a passkey to give.
    PasskeyRequired,
    /// Linked; the first connection of this line is being made.
    Connecting,
    /// Connected and logged in: a message can be sent now.
    Ready,
    /// Linked; the connection was lost and is being made again.
    Reconnecting,
    /// WhatsApp has banned the account for a time. The line tries again afterwards.
    Banned {
        /// When the ban ends.
        until: UnixMillis,
    },
    /// The session is no longer linked and its keys are wiped. The line has ended.
    LoggedOut(LogoutReason),
    /// The line has ended; the session is as linked as it was.
    Stopped,
}

impl LineStatus {
    /// Whether the line has ended.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::LoggedOut(_) | Self::Stopped)
    }
}

/// A code that links the session when the phone scans it.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode {
    /// What the QR code says.
    pub text: String,
    /// When the next one takes its place.
    pub expires_at: UnixMillis,
}

/// A QR code's text is a secret: whoever scans it owns the session.
impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrCode")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A code that links the session when it is typed on the phone.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode {
    /// Eight characters.
    pub text: String,
    /// When the next one takes its place.
    pub expires_at: UnixMillis,
}

/// A pairing code's text is a secret, as a QR code's is.
impl std::fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingCode")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// WhatsApp's demand for the account's passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// WebAuthn's `PublicKeyCredentialRequestOptions`, as JSON.
    pub challenge: String,
    /// How long it can be answered.
    pub expires_at: UnixMillis,
}

/// What a person must do before the session is linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStep {
    /// Scan this with the phone.
    ScanQr(QrCode),
    /// Type this on the phone.
    TypeCode(PairingCode),
    /// Answer this with the account's passkey.
    GivePasskey(Passkey),
}

impl LinkStep {
    /// The status of a line that waits for it.
    pub const fn status(&self) -> LineStatus {
        match self {
            Self::ScanQr(_) => LineStatus::QrReady,
            Self::TypeCode(_) => LineStatus::PairingCodeReady,
            Self::GivePasskey(_) => LineStatus::PasskeyRequired,
        }
    }
}

/// What is true about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineState {
    /// What the line is doing.
    pub status: LineStatus,
    /// What a person must do; there exactly while the status is [that step's](LinkStep::status).
    pub step: Option<LinkStep>,
    /// The linked account, once it is known.
    pub account: Option<Account>,
    /// The last loss, also after the line has recovered from it.
    pub last_loss: Option<Loss>,
    /// How many losses there were since the line was opened. Times do not tell which of two was later: the clock may be set.
    pub losses: u64,
    /// When the next attempt to connect is made, while the line waits for it.
    pub retry_at: Option<UnixMillis>,
}

/// What WhatsApp has asked for before a line was opened: to be left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until when.
    pub until: UnixMillis,
    /// Whether it has banned the account.
    pub banned: bool,
}

/// How a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Whether there is a socket at this moment.
    pub socket_open: bool,
    /// When WhatsApp last sent anything at all.
    pub last_frame: Option<UnixMillis>,
    /// When WhatsApp last acknowledged a message.
    pub last_ack: Option<UnixMillis>,
}
