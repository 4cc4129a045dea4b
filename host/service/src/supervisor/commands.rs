//! What can be asked of a session's task.

use switchboard_core::problem::{Code, Problem};
use switchboard_store::sessions::Phase;
use tokio::sync::oneshot;

use crate::sessions::update::SessionChanges;

/// Where the answer goes.
pub(crate) type Reply = oneshot::Sender<Result<(), Problem>>;

/// A request to a session's task. It is answered when it is done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Close the line and open it anew.
    Restart(Reply),
    /// Remove the device from the account.
    Logout(Reply),
    /// Wait for a new link under the same id.
    Relink(Reply),
    /// Log out, forget the keys, keep the id and the log.
    Delete(Reply),
    /// Change what a client decides about the session.
    Update(Box<SessionChanges>, Reply),
    /// Close the line, keep the link, and end the task.
    Stop(Reply),
}

/// What a task has to do for a command in a phase.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// It is so already.
    Nothing,
    /// Store these changes, and open the line anew if it has to go another way.
    Update(Box<SessionChanges>),
    /// Close the line and open it anew.
    Reopen,
    /// Log out over the line; then the session is in this phase.
    LogOut(Phase),
    /// Close the line and forget the keys; then the session is in this phase.
    Forget(Phase),
    /// Open a line to link over.
    Link,
    /// Close the line and end.
    Stop,
}

/// The table of commands and phases.
pub(super) fn step(command: &Command, phase: Phase) -> Result<Step, Problem> {
    let not_linked = |sentence| Err(Problem::new(Code::SESSION_NOT_LINKED, sentence));
    match (command, phase) {
        (Command::Restart(_), Phase::Registering | Phase::Linked) => Ok(Step::Reopen),
        (Command::Restart(_), Phase::LoggedOut | Phase::Inactive) => {
            not_linked("There is no connection to restart: the session is not linked. Relink it first.")
        }
        (Command::Logout(_), Phase::Linked) => Ok(Step::LogOut(Phase::LoggedOut)),
        (Command::Logout(_), Phase::LoggedOut) => Ok(Step::Nothing),
        (Command::Logout(_), Phase::Registering | Phase::Inactive) => {
            not_linked("There is nothing to log out from: the session is not linked.")
        }
        (Command::Relink(_), Phase::LoggedOut | Phase::Inactive) => Ok(Step::Link),
        (Command::Relink(_), Phase::Registering) => Ok(Step::Nothing),
        (Command::Relink(_), Phase::Linked) => Err(Problem::new(
            Code::CONFLICT,
            "The session is linked. Log it out before linking it again.",
        )),
        (Command::Delete(_), Phase::Linked) => Ok(Step::LogOut(Phase::Inactive)),
        (Command::Delete(_), Phase::Registering | Phase::LoggedOut) => Ok(Step::Forget(Phase::Inactive)),
        (Command::Delete(_), Phase::Inactive) => Ok(Step::Nothing),
        (Command::Update(changes, _), _) => Ok(Step::Update(changes.clone())),
        (Command::Stop(_), _) => Ok(Step::Stop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: fn(Reply) -> Command, phase: Phase) -> Result<Step, String> {
        step(&command(oneshot::channel().0), phase).map_err(|problem| problem.code().name().to_owned())
    }

    #[test]
    fn deleting_and_relinking_twice_is_as_good_as_once() {
        assert_eq!(of(Command::Delete, Phase::Inactive), Ok(Step::Nothing));
        assert_eq!(of(Command::Relink, Phase::Registering), Ok(Step::Nothing));
        assert_eq!(of(Command::Logout, Phase::LoggedOut), Ok(Step::Nothing));
    }

    #[test]
    fn a_session_that_is_logged_out_or_deleted_can_be_linked_again_and_a_linked_one_cannot() {
        assert_eq!(of(Command::Relink, Phase::LoggedOut), Ok(Step::Link));
        assert_eq!(of(Command::Relink, Phase::Inactive), Ok(Step::Link));
        assert_eq!(of(Command::Relink, Phase::Linked), Err("conflict".to_owned()));
    }

    #[test]
    fn what_needs_a_link_is_refused_without_one() {
        for phase in [Phase::LoggedOut, Phase::Inactive] {
            assert_eq!(of(Command::Restart, phase), Err("session_not_linked".to_owned()));
        }
        for phase in [Phase::Registering, Phase::Inactive] {
            assert_eq!(of(Command::Logout, phase), Err("session_not_linked".to_owned()));
        }
    }
}
