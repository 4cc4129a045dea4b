//! Why a connection was lost, and how long the line waits before the next attempt.
//!
//! There is one rule for every wait. The first is that of its kind; then it doubles with each attempt that fails, up to the most of
//! its kind, and begins anew after a connection that held. Where WhatsApp says no, or asks for patience, it is longer than where a
//! network is broken. The library's own waits, which grow to a quarter of an hour, never get that far.

use std::time::Duration;

use switchboard_core::clock::UnixMillis;

use crate::masked::Masked;

/// WhatsApp asks for fewer requests.
const RATE_LIMITED: i32 = 429;
/// WhatsApp's own trouble passes as a network's does.
const TROUBLE: [i32; 2] = [500, 503];
/// A network is tried again at once, soon, and as long as it takes.
const NETWORK: Wait = Wait {
    first: Duration::ZERO,
    then: Duration::from_secs(1),
    most: Duration::from_secs(120),
};
/// A refusal does not change by being asked for.
pub(super) const REFUSAL: Wait = Wait {
    first: Duration::from_secs(1),
    then: Duration::from_secs(2),
    most: Duration::from_secs(3600),
};
/// Two clients that take one place in turns would ruin the keys for both; a limit is not met by trying.
const PATIENCE: Wait = Wait {
    first: Duration::from_secs(60),
    then: Duration::from_secs(120),
    most: Duration::from_secs(3600),
};

/// How long is waited after the first failure, after the second, and at most; it doubles in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) first: Duration,
    pub(super) then: Duration,
    pub(super) most: Duration,
}

/// Why a connection or an attempt at one was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LossReason {
    /// The socket ended, or could not be opened.
    #[error("the connection ended: {0}")]
    Socket(Masked),
    /// The proxy that the session goes through did not connect it.
    #[error("{0}")]
    Proxy(Masked),
    /// The socket is open and nothing comes over it, not even an answer.
    #[error("WhatsApp was silent for {} s and did not answer on the open socket", .0.as_secs())]
    Silent(Duration),
    /// Whoever answered could not show that it is WhatsApp.
    #[error(
        "the server did not show that it is WhatsApp's: its certificate or its part of the handshake is not valid. \
         Something on the way may be reading along"
    )]
    Handshake,
    /// WhatsApp ended the stream with this code; it may be empty.
    #[error("WhatsApp ended the stream{}", if .0.is_empty() { String::new() } else { format!(" with error {}", .0) })]
    Stream(String),
    /// Another client connected with the keys of this session.
    #[error("another client connected with this session's keys")]
    Replaced,
    /// WhatsApp does not accept the announced version any longer.
    #[error("WhatsApp no longer accepts the announced version of WhatsApp Web")]
    Outdated,
    /// WhatsApp refused the login with this failure reason.
    #[error("WhatsApp refused the login (reason {0})")]
    Refused(i32),
    /// WhatsApp has banned the account for a time.
    #[error("WhatsApp has banned the account until {}: {reason}", until.rfc3339())]
    Banned {
        /// WhatsApp's reason.
        reason: String,
        /// When the ban ends.
        until: UnixMillis,
    },
    /// An attempt to link failed, or was refused.
    #[error("linking failed: {0}")]
    Pairing(Masked),
    /// The client could not be started, or ended without saying why.
    #[error("the client ended: {0}")]
    Client(Masked),
}

impl LossReason {
    /// The [kind](Self::kind) of a ban.
    pub const BANNED: &'static str = "banned";

    /// Its kind, in one word that does not change.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Socket(_) => "socket",
            Self::Proxy(_) => "proxy",
            Self::Silent(_) => "silent",
            Self::Handshake => "handshake",
            Self::Stream(_) => "stream",
            Self::Replaced => "replaced",
            Self::Outdated => "outdated",
            Self::Refused(_) => "refused",
            Self::Banned { .. } => Self::BANNED,
            Self::Pairing(_) => "pairing",
            Self::Client(_) => "client",
        }
    }

    /// Whether it is WhatsApp that wants to be left alone for a while. It does so also if this program is started anew meanwhile.
    pub(super) fn is_whatsapps_wish(&self) -> bool {
        matches!(self, Self::Banned { .. }) || self.is_rate_limit()
    }

    fn is_rate_limit(&self) -> bool {
        match self {
            Self::Refused(code) => *code == RATE_LIMITED,
            Self::Stream(code) => code.parse() == Ok(RATE_LIMITED),
            _ => false,
        }
    }

    /// How long the line waits before the next attempt.
    pub(super) fn wait(&self) -> Wait {
        match self {
            limit if limit.is_rate_limit() => PATIENCE,
            Self::Replaced => PATIENCE,
            Self::Refused(code) if TROUBLE.contains(code) => NETWORK,
            Self::Refused(_) | Self::Outdated | Self::Banned { .. } => REFUSAL,
            Self::Socket(_)
            | Self::Proxy(_)
            | Self::Silent(_)
            | Self::Handshake
            | Self::Stream(_)
            | Self::Pairing(_)
            | Self::Client(_) => NETWORK,
        }
    }
}

/// One loss of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub reason: LossReason,
    /// When.
    pub at: UnixMillis,
    /// Until when WhatsApp wants to be left alone, if it said so with this.
    pub wait_until: Option<UnixMillis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_patience_gets_it_and_a_network_is_tried_soon() {
        for (reason, first) in [
            (LossReason::Socket("reset".into()), 0),
            (LossReason::Proxy("refused".into()), 0),
            (LossReason::Stream("503".into()), 0),
            (LossReason::Refused(500), 0),
            (LossReason::Stream("429".into()), 60),
            (LossReason::Refused(429), 60),
            (LossReason::Replaced, 60),
        ] {
            assert_eq!(reason.wait().first, Duration::from_secs(first), "{reason}");
        }
        assert!(LossReason::Refused(418).wait().most > LossReason::Handshake.wait().most);
    }
}
