//! The sockets of one client: how far they have got, and what the end of one means.
//!
//! The library opens one after another and does not say which one it is talking about. What came over a socket last may say why it
//! ended, and is still being read when the end is seen; so the end counts only after a moment, if nothing has said more by then.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::loss::LossReason;
use super::news::{Closing, News};

/// How long what came last over a socket may take to be understood. The library waits longer before it dials again by itself, but
/// after a link.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long the next socket may take after a link, when the library dials at once. That it cannot is told otherwise.
const NEXT_DIAL: Duration = Duration::from_secs(15);

/// What became of a client's sockets so far.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Whether the present one has not got as far as a login or a code.
    before_login: bool,
    /// Whether none has got as far.
    untried: bool,
    /// Whether the device was linked over the present one, which ends with that.
    links: bool,
    /// The one that has ended, if no other has taken its place yet.
    ended: Option<Ended>,
}

/// A socket that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Why, as far as the socket can tell.
    pub(super) reason: LossReason,
    /// Whether everybody knows of the loss already.
    pub(super) told: bool,
    /// When to stop waiting for a better reason, or for another socket of the same client.
    decide_at: Instant,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            before_login: true,
            untried: true,
            links: false,
            ended: None,
        }
    }
}

impl Sockets {
    /// Notes what the news tell of the present socket. What is told of messages may be about the one before.
    pub(super) const fn note(&mut self, news: &News) {
        self.before_login &= matches!(
            news,
            News::SocketClosed(_)
                | News::Disconnected(_)
                | News::Unreachable(_)
                | News::Ungated(_)
                | News::Missing(_)
                | News::Awaited(_)
        );
        self.untried &= self.before_login;
        self.links |= matches!(news, News::Linked(_));
    }

    /// Whether none of them has got as far as a login or a code, so that there is nothing to hand over.
    pub(super) const fn untried(&self) -> bool {
        self.untried
    }

    /// The present one has ended; `told`, if everybody is told of the loss now. It breaks off with the reason if that is the last word.
    pub(super) fn closed(&mut self, closing: Closing, told: bool) -> ControlFlow<LossReason, LossReason> {
        let before_login = std::mem::replace(&mut self.before_login, true);
        let reason = match closing {
            Closing::Distrusted if before_login => return ControlFlow::Break(LossReason::Handshake),
            Closing::Unanswered if before_login => "the server did not answer the handshake",
            _ if before_login => "the socket was closed before the login",
            _ => "the socket was closed",
        };
        let reason = LossReason::Socket(reason.into());
        let wait = if std::mem::take(&mut self.links) {
            NEXT_DIAL
        } else {
            LAST_WORDS
        };
        self.ended = Some(Ended {
            reason: reason.clone(),
            told,
            decide_at: Instant::now() + wait,
        });
        ControlFlow::Continue(reason)
    }

    /// When the end of the last one counts, if one has ended.
    pub(super) fn decide_at(&self) -> Option<Instant> {
        self.ended.as_ref().map(|ended| ended.decide_at)
    }

    /// The one that has ended; from now on it is of no interest.
    pub(super) const fn take_ended(&mut self) -> Option<Ended> {
        self.ended.take()
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::event::Account;

    use super::*;

    fn reason(words: &str) -> LossReason {
        LossReason::Socket(words.into())
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_socket_counts_after_a_moment_in_which_a_better_reason_may_come() {
        let mut sockets = Sockets::default();
        assert_eq!(sockets.decide_at(), None);
        sockets.note(&News::Connected);
        let told = reason("the socket was closed");
        assert_eq!(
            sockets.closed(Closing::Other, true),
            ControlFlow::Continue(told.clone())
        );
        assert_eq!(sockets.decide_at(), Some(Instant::now() + LAST_WORDS));
        let ended = sockets.take_ended().unwrap();
        assert_eq!((ended.reason, ended.told), (told, true));
        assert_eq!(sockets.take_ended(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_link_the_next_socket_has_the_time_of_a_dial() {
        let account = Account {
            number: "15550000001".parse().unwrap(),
            device: 1,
            lid: None,
            push_name: None,
        };
        let mut sockets = Sockets::default();
        sockets.note(&News::Linked(account));
        for wait in [NEXT_DIAL, LAST_WORDS] {
            assert!(sockets.closed(Closing::Other, false).is_continue());
            assert_eq!(sockets.decide_at(), Some(Instant::now() + wait));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_before_a_login_is_it_the_handshake_that_failed() {
        let mut sockets = Sockets::default();
        assert!(sockets.untried());
        // About a message of the socket before, perhaps.
        sockets.note(&News::Ungated(Vec::new()));
        assert!(sockets.untried());
        assert_eq!(
            sockets.closed(Closing::Distrusted, false),
            ControlFlow::Break(LossReason::Handshake)
        );
        let unanswered = reason("the server did not answer the handshake");
        assert_eq!(
            sockets.closed(Closing::Unanswered, false),
            ControlFlow::Continue(unanswered)
        );
        sockets.note(&News::Connected);
        assert!(!sockets.untried());
        let closed = reason("the socket was closed");
        assert_eq!(
            sockets.closed(Closing::Distrusted, false),
            ControlFlow::Continue(closed)
        );
        let before = reason("the socket was closed before the login");
        assert_eq!(sockets.closed(Closing::Other, false), ControlFlow::Continue(before));
        assert!(!sockets.untried(), "the client has got as far, if this socket has not");
    }
}
