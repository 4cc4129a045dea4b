//! Where a line's task writes down what is true.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::{Clock, UnixMillis};
use switchboard_core::event::Account;
use tokio::sync::watch;

use super::Purpose;
use super::loss::{Loss, LossReason};
use super::state::{LineState, LineStatus, LinkStep, Patience};

/// Where a line's task writes down what is true. When it is dropped, the line has ended.
#[derive(Debug)]
pub(super) struct Board {
    state: watch::Sender<LineState>,
    clock: Arc<dyn Clock>,
    was_ready: bool,
}

impl Board {
    /// The board of a line that has just been opened, and a view of it.
    pub(super) fn new(
        purpose: &Purpose,
        patience: Option<Patience>,
        clock: Arc<dyn Clock>,
    ) -> (Self, watch::Receiver<LineState>) {
        let status = match (purpose, patience) {
            (Purpose::Link | Purpose::LinkByCode(_), _) => LineStatus::Registering,
            (Purpose::Resume, Some(Patience { until, banned: true })) => LineStatus::Banned { until },
            (Purpose::Resume, _) => LineStatus::Connecting,
        };
        let (state, view) = watch::channel(LineState {
            status,
            step: None,
            account: None,
            last_loss: None,
            losses: 0,
            retry_at: patience.map(|patience| patience.until),
        });
        let board = Self {
            state,
            clock,
            was_ready: false,
        };
        (board, view)
    }

    /// When so much time has passed.
    pub(super) fn until(&self, timeout: Duration) -> UnixMillis {
        self.clock.now().plus(timeout)
    }

    /// How long it is until then.
    pub(super) fn time_to(&self, moment: UnixMillis) -> Duration {
        moment.since(self.clock.now())
    }

    /// There is something for a person to do.
    pub(super) fn show(&self, step: LinkStep) {
        self.change(|state| {
            state.status = step.status();
            state.step = Some(step);
        });
    }

    /// What was shown is worth nothing any more.
    pub(super) fn take_down(&self) {
        self.change(|state| {
            if state.step.take().is_some() {
                state.status = LineStatus::Registering;
            }
        });
    }

    /// The client is being closed: nothing can be sent over it any more, and nothing linked.
    pub(super) fn closing(&self) {
        self.take_down();
        self.change(|state| {
            if state.status == LineStatus::Ready {
                state.status = LineStatus::Reconnecting;
            }
        });
    }

    /// The session is linked.
    pub(super) fn linked(&self, account: Account) {
        self.change(|state| {
            state.step = None;
            state.status = LineStatus::Connecting;
            state.account = Some(account);
        });
    }

    /// A message can be sent.
    pub(super) fn ready(&mut self, account: Account) {
        self.was_ready = true;
        self.change(|state| {
            state.step = None;
            state.status = LineStatus::Ready;
            state.account = Some(account);
        });
    }

    /// Whether a message can be sent.
    pub(super) fn is_ready(&self) -> bool {
        self.state.borrow().status == LineStatus::Ready
    }

    /// The connection, or an attempt at one, is lost; the next attempt is made then, if that is known.
    pub(super) fn lost(&self, reason: LossReason, next: Option<UnixMillis>) {
        let at = self.clock.now();
        let wait_until = next.filter(|_| reason.is_whatsapps_wish());
        self.change(|state| {
            if state.status == LineStatus::Ready {
                state.status = LineStatus::Reconnecting;
            }
            state.last_loss = Some(Loss { reason, at, wait_until });
            state.losses += 1;
        });
    }

    /// The account is banned until then.
    pub(super) fn banned(&self, reason: String, until: UnixMillis) {
        self.lost(LossReason::Banned { reason, until }, Some(until));
        self.change(|state| state.status = LineStatus::Banned { until });
    }

    /// There is no client; the next one starts then.
    pub(super) fn waits(&self, until: UnixMillis) {
        self.change(|state| state.retry_at = Some(until));
    }

    /// The next client starts; a ban has ended.
    pub(super) fn tries(&self) {
        let status = if self.was_ready {
            LineStatus::Reconnecting
        } else {
            LineStatus::Connecting
        };
        self.change(|state| {
            state.retry_at = None;
            if matches!(state.status, LineStatus::Banned { .. }) {
                state.status = status;
            }
        });
    }

    /// The line has ended like this.
    pub(super) fn end(&self, status: LineStatus) {
        self.change(|state| {
            state.step = None;
            state.retry_at = None;
            state.status = status;
        });
    }

    /// Changes the state; views are woken when it is not what it was.
    fn change(&self, change: impl FnOnce(&mut LineState)) {
        self.state.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            *state != before
        });
    }
}

/// However a task ends, nobody waits for it for ever.
impl Drop for Board {
    fn drop(&mut self) {
        if !self.state.borrow().status.is_final() {
            self.end(LineStatus::Stopped);
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::clock::ManualClock;

    use super::*;
    use crate::line::state::{PairingCode, Passkey, QrCode};

    fn board(purpose: &Purpose) -> (Board, watch::Receiver<LineState>) {
        resumed(purpose, None)
    }

    fn resumed(purpose: &Purpose, patience: Option<Patience>) -> (Board, watch::Receiver<LineState>) {
        Board::new(purpose, patience, Arc::new(ManualClock::at(UnixMillis(1000))))
    }

    fn account() -> Account {
        Account {
            number: "15550000001".parse().unwrap(),
            device: 1,
            lid: None,
            push_name: None,
        }
    }

    #[test]
    fn a_step_is_there_exactly_while_it_can_be_taken() {
        let (mut board, view) = board(&Purpose::Link);
        let seen = || {
            let state = view.borrow();
            (state.status.clone(), state.step.is_some())
        };
        assert_eq!(seen(), (LineStatus::Registering, false));
        let expires_at = board.until(Duration::from_secs(20));
        assert_eq!(expires_at, UnixMillis(21_000));
        let qr = LinkStep::ScanQr(QrCode {
            text: "code".into(),
            expires_at,
        });
        let code = LinkStep::TypeCode(PairingCode {
            text: "ABCD1234".into(),
            expires_at,
        });
        board.show(qr.clone());
        assert_eq!(seen(), (LineStatus::QrReady, true));
        board.take_down();
        assert_eq!(seen(), (LineStatus::Registering, false));
        board.show(code);
        assert_eq!(seen(), (LineStatus::PairingCodeReady, true));
        board.show(LinkStep::GivePasskey(Passkey {
            challenge: "{}".into(),
            expires_at,
        }));
        assert_eq!(seen(), (LineStatus::PasskeyRequired, true));
        board.show(qr);
        board.linked(account());
        assert_eq!(seen(), (LineStatus::Connecting, false));
        board.ready(account());
        assert_eq!(seen(), (LineStatus::Ready, false));
    }

    #[test]
    fn a_loss_is_remembered_after_recovery() {
        let (mut board, view) = board(&Purpose::Resume);
        board.lost(LossReason::Socket("refused".into()), None);
        assert_eq!(view.borrow().status, LineStatus::Connecting);
        board.ready(account());
        board.lost(LossReason::Stream("503".into()), Some(UnixMillis(2000)));
        assert_eq!(view.borrow().status, LineStatus::Reconnecting);
        board.ready(account());
        assert_eq!(
            view.borrow().last_loss,
            Some(Loss {
                reason: LossReason::Stream("503".into()),
                at: UnixMillis(1000),
                wait_until: None,
            })
        );
    }

    #[test]
    fn a_wait_that_whatsapp_has_asked_for_belongs_to_its_loss() {
        let (board, view) = board(&Purpose::Resume);
        let told = || view.borrow().last_loss.as_ref().unwrap().wait_until;
        for reason in [LossReason::Stream("429".into()), LossReason::Refused(429)] {
            board.lost(reason, Some(UnixMillis(61_000)));
            assert_eq!(told(), Some(UnixMillis(61_000)));
        }
        for reason in [LossReason::Replaced, LossReason::Refused(500)] {
            board.lost(reason, Some(UnixMillis(61_000)));
            assert_eq!(told(), None);
        }
    }

    #[test]
    fn a_line_of_which_patience_was_asked_before_waits_from_its_first_moment() {
        let until = UnixMillis(9000);
        for (purpose, banned, status) in [
            (Purpose::Resume, true, LineStatus::Banned { until }),
            (Purpose::Resume, false, LineStatus::Connecting),
            (Purpose::Link, false, LineStatus::Registering),
        ] {
            let (board, view) = resumed(&purpose, Some(Patience { until, banned }));
            assert_eq!(view.borrow().status, status);
            assert_eq!(view.borrow().retry_at, Some(until));
            assert_eq!(board.time_to(until), Duration::from_secs(8));
            board.tries();
            let now = view.borrow().clone();
            assert_eq!(now.retry_at, None);
            assert!(!matches!(now.status, LineStatus::Banned { .. }));
        }
    }

    #[test]
    fn a_line_whose_client_is_closed_is_not_called_ready() {
        let (mut board, view) = board(&Purpose::Resume);
        board.ready(account());
        board.closing();
        assert_eq!(view.borrow().status, LineStatus::Reconnecting);
        assert_eq!(view.borrow().last_loss, None);
    }

    #[test]
    fn a_ban_is_shown_with_its_end_and_passes() {
        let (board, view) = board(&Purpose::Resume);
        let until = UnixMillis(61_000);
        board.banned("too many messages".into(), until);
        assert_eq!(view.borrow().status, LineStatus::Banned { until });
        assert_eq!(view.borrow().last_loss.as_ref().unwrap().wait_until, Some(until));
        board.tries();
        assert_eq!(view.borrow().status, LineStatus::Connecting);
    }

    #[test]
    fn a_wait_is_told_until_it_is_over() {
        let (board, view) = board(&Purpose::Resume);
        board.waits(UnixMillis(3000));
        assert_eq!(view.borrow().retry_at, Some(UnixMillis(3000)));
        board.tries();
        assert_eq!(view.borrow().retry_at, None);
    }

    #[test]
    fn a_task_that_vanishes_leaves_an_ended_line() {
        let (board, view) = board(&Purpose::Resume);
        drop(board);
        assert_eq!(view.borrow().status, LineStatus::Stopped);
    }
}
