//! Where a line's task writes down what is true.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::{Clock, UnixMillis};
use switchboard_core::event::Account;
use tokio::sync::watch;

use super::Purpose;
use super::loss::{Loss, LossReason};
use super::state::{LineState, LineStatus, LinkStep};

/// Where a line's task writes down what is true. When it is dropped, the line has ended.
#[derive(Debug)]
pub(super) struct Board {
    state: watch::Sender<LineState>,
    clock: Arc<dyn Clock>,
    was_ready: bool,
}

impl Board {
    /// The board of a line that has just been opened, and a view of it.
    pub(super) fn new(purpose: &Purpose, clock: Arc<dyn Clock>) -> (Self, watch::Receiver<LineState>) {
        let status = match purpose {
            Purpose::Link | Purpose::LinkByCode(_) => LineStatus::Registering,
            Purpose::Resume => LineStatus::Connecting,
        };
        let (state, view) = watch::channel(LineState {
            status,
            step: None,
            account: None,
            last_loss: None,
            losses: 0,
            retry_at: None,
        });
        let board = Self {
            state,
            clock,
            was_ready: false,
        };
        (board, view)
    }

    /// When what is shown now for so long is worth nothing any more.
    pub(super) fn until(&self, timeout: Duration) -> UnixMillis {
        self.clock.now().plus(timeout)
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

    /// The connection, or an attempt at one, is lost.
    pub(super) fn lost(&self, reason: LossReason) {
        let at = self.clock.now();
        self.change(|state| {
            if state.status == LineStatus::Ready {
                state.status = LineStatus::Reconnecting;
            }
            state.last_loss = Some(Loss { reason, at });
            state.losses += 1;
        });
    }

    /// The account is banned for so long. Returns when that ends.
    pub(super) fn banned(&self, reason: String, wait: Duration) -> UnixMillis {
        let until = self.clock.now().plus(wait);
        self.lost(LossReason::Banned { reason, until });
        self.change(|state| state.status = LineStatus::Banned { until });
        until
    }

    /// The next client starts after so long.
    pub(super) fn waits(&self, time: Duration) {
        let at = self.clock.now().plus(time);
        self.change(|state| state.retry_at = Some(at).filter(|_| !time.is_zero()));
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
        Board::new(purpose, Arc::new(ManualClock::at(UnixMillis(1000))))
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
        board.lost(LossReason::Socket("refused".into()));
        assert_eq!(view.borrow().status, LineStatus::Connecting);
        board.ready(account());
        board.lost(LossReason::Stream("503".into()));
        assert_eq!(view.borrow().status, LineStatus::Reconnecting);
        board.ready(account());
        assert_eq!(
            view.borrow().last_loss.as_ref().unwrap().reason,
            LossReason::Stream("503".into())
        );
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
        let until = board.banned("too many messages".into(), Duration::from_secs(60));
        assert_eq!(view.borrow().status, LineStatus::Banned { until });
        assert_eq!(until, UnixMillis(61_000));
        board.tries();
        assert_eq!(view.borrow().status, LineStatus::Connecting);
    }

    #[test]
    fn a_wait_is_told_until_it_is_over() {
        let (board, view) = board(&Purpose::Resume);
        board.waits(Duration::from_secs(2));
        assert_eq!(view.borrow().retry_at, Some(UnixMillis(3000)));
        board.tries();
        assert_eq!(view.borrow().retry_at, None);
        board.waits(Duration::ZERO);
        assert_eq!(view.borrow().retry_at, None);
    }

    #[test]
    fn a_task_that_vanishes_leaves_an_ended_line() {
        let (board, view) = board(&Purpose::Resume);
        drop(board);
        assert_eq!(view.borrow().status, LineStatus::Stopped);
    }
}
