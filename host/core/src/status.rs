//! The states that a session and a message can be in, as clients read them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The state of a session. It tells the truth about the socket: `READY` means that a message can be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionStatus {
    /// Created; nothing to scan or type yet.
    Registering,
    /// A QR code waits to be scanned.
    QrReady,
    /// A pairing code waits to be typed on the phone.
    PairingCodeReady,
    /// WhatsApp asks for a passkey before it links the device.
    PasskeyRequired,
    /// Linked; the first connection since the start is being made.
    Connecting,
    /// Linked, connected and logged in.
    Ready,
    /// Linked; the connection was lost and is being made again.
    Reconnecting,
    /// The phone or a logout removed the device. A re-link keeps the id.
    LoggedOut,
    /// WhatsApp has banned the account for a time.
    Banned,
    /// Deleted; the id and the message log remain.
    Inactive,
}

impl SessionStatus {
    /// Every state, in the order of a session's life.
    pub const ALL: [Self; 10] = [
        Self::Registering,
        Self::QrReady,
        Self::PairingCodeReady,
        Self::PasskeyRequired,
        Self::Connecting,
        Self::Ready,
        Self::Reconnecting,
        Self::LoggedOut,
        Self::Banned,
        Self::Inactive,
    ];

    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "REGISTERING",
            Self::QrReady => "QR_READY",
            Self::PairingCodeReady => "PAIRING_CODE_READY",
            Self::PasskeyRequired => "PASSKEY_REQUIRED",
            Self::Connecting => "CONNECTING",
            Self::Ready => "READY",
            Self::Reconnecting => "RECONNECTING",
            Self::LoggedOut => "LOGGED_OUT",
            Self::Banned => "BANNED",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// How far a message has come. The order is the order of progress: a later report never lowers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// Committed here, not yet acknowledged by WhatsApp.
    Accepted,
    /// Refused by WhatsApp or given up; the reason stands beside it.
    Failed,
    /// Acknowledged by WhatsApp's server without an error.
    Sent,
    /// On the recipient's phone.
    Delivered,
    /// Seen by the recipient.
    Read,
    /// Played by the recipient (voice and video).
    Played,
    /// Received by us: the state of every inbound message.
    Received,
}

impl MessageStatus {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Failed,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Played,
        Self::Received,
    ];

    /// The word in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Received => "received",
        }
    }
}

/// The word names no state; the text lists those that exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {allowed}")]
pub struct UnknownStatus {
    allowed: String,
}

macro_rules! by_word {
    ($($status:ty),*) => {$(
        impl fmt::Display for $status {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $status {
            type Err = UnknownStatus;

            fn from_str(word: &str) -> Result<Self, UnknownStatus> {
                Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| UnknownStatus {
                    allowed: Self::ALL.map(Self::as_str).join(", "),
                })
            }
        }
    )*};
}
by_word!(SessionStatus, MessageStatus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back_by_its_word_and_by_serde() {
        for status in SessionStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in MessageStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = "ready".parse::<SessionStatus>().unwrap_err().to_string();
        assert!(error.contains("READY") && error.contains("INACTIVE"), "{error}");
    }

    #[test]
    fn progress_is_ordered() {
        use MessageStatus::{Accepted, Delivered, Failed, Played, Read, Sent};
        assert!(Accepted < Failed && Failed < Sent && Sent < Delivered && Delivered < Read && Read < Played);
    }
}
