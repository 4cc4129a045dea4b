//! How the store fails.

use std::time::Duration;

use switchboard_core::problem::{Code, Problem};

use crate::seal::SealError;

/// Why a read or a write did not happen. Never holds a stored value.
///
/// A failed write is undone. After [`Io`](Self::Io) its outcome is unknown until the next start, as with any disk: give rows ids of
/// their own, so that writing them again does no harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process held the database longer than we wait.
    #[error("another process keeps the database busy")]
    Busy,
    /// No space is left.
    #[error("the disk is full")]
    Full,
    /// The file may not be written.
    #[error("the database is read-only")]
    ReadOnly,
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(String),
    /// The file cannot be opened.
    #[error("the database cannot be opened: {0}")]
    CannotOpen(String),
    /// The file is damaged, or no database at all.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A row breaks a rule of its table. Only the operation that wrote it is undone.
    #[error("a rule of the table was broken: {0}")]
    Constraint(String),
    /// A stored value is not what its reader expects.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
    /// A sealed value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A statement was used wrongly; nothing ran.
    #[error("a statement is used wrongly: {0}")]
    Misuse(String),
    /// The operation panicked and was undone.
    #[error("the operation panicked")]
    Panicked,
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else SQLite says.
    #[error("{0}")]
    Other(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let unavailable = |sentence| Self::new(Code::UNAVAILABLE, sentence);
        let problem = match &error {
            StoreError::Busy => unavailable("The database is busy. Try again.").retry_after(Duration::from_secs(1)),
            StoreError::Full => unavailable("The disk of the server is full."),
            StoreError::Closed => unavailable("The server is stopping.").retry_after(Duration::from_secs(5)),
            StoreError::ReadOnly | StoreError::Io(_) | StoreError::CannotOpen(_) => {
                unavailable("The database of the server cannot be used right now.")
            }
            _ => return Self::internal(error),
        };
        problem.cause(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_unavailable_and_our_own_faults_are_internal() {
        for error in [
            StoreError::Busy,
            StoreError::Full,
            StoreError::Closed,
            StoreError::Io("disk".to_owned()),
        ] {
            assert_eq!(Problem::from(error).code(), &Code::UNAVAILABLE);
        }
        for error in [StoreError::Constraint("UNIQUE".to_owned()), StoreError::Panicked] {
            assert_eq!(Problem::from(error).code(), &Code::INTERNAL);
        }
    }

    #[test]
    fn the_cause_is_for_the_log_alone() {
        let problem = Problem::from(StoreError::Io("sector 7".to_owned()));
        assert!(!problem.message().contains("sector 7"));
        assert_eq!(problem.cause_chain().as_deref(), Some("the disk failed: sector 7"));
    }
}
