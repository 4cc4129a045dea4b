//! What a line's task is told, by the library's events and by the socket.

use std::time::Duration;

use switchboard_core::event::{Account, InboundMessage, LogoutReason};

use super::loss::LossReason;
use super::pairing_code::NoCode;
use super::repair::Missing;

/// What a line's task is told. Whatever need not change the line's state goes to the sink directly.
#[derive(Debug)]
pub(crate) enum News {
    /// There is a code to scan, for so long.
    QrCode(String, Duration),
    /// All codes of this connection were shown.
    QrCodesExhausted,
    /// There is a code to type on the phone, for so long.
    PairingCode(String, Duration),
    /// WhatsApp wants another code to be shown.
    PairingCodeWorthless,
    /// WhatsApp gave out no code.
    PairingCodeRefused(NoCode),
    /// WhatsApp wants the account's passkey before it links the device: the challenge, as JSON.
    Passkey(String),
    /// The phone has linked the device.
    Linked(Account),
    /// The phone scanned and it did not lead to a link.
    PairingFailed(String),
    /// Connected, logged in, and in sync.
    Connected,
    /// The server could not be reached, for this reason.
    Unreachable(LossReason),
    /// A socket ended.
    SocketClosed(Closing),
    /// The library saw the connection end, and says why.
    Disconnected(String),
    /// WhatsApp ended the stream with this code.
    StreamError(String),
    /// WhatsApp refused the login, for this reason.
    Refused(i32),
    /// Another client connected with our keys.
    Replaced,
    /// The announced version is too old.
    Outdated,
    /// The account is banned for so long.
    Banned(String, Duration),
    /// The device is no longer linked.
    LoggedOut(LogoutReason),
    /// Messages that WhatsApp does not wait to hear about, and that therefore never pass the durability hook.
    Ungated(Vec<InboundMessage>),
    /// A message will not come again, and the own phone must be asked for it.
    Missing(Missing),
    /// A message cannot be decrypted, and its sender is asked for it again.
    Awaited(Missing),
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// We gave up waiting for the answer to our hello.
    Unanswered,
    /// We did not accept the answer to our hello.
    Distrusted,
    /// Any other way.
    Other,
}
