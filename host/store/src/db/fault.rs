//! What SQLite's result codes mean to us. <https://sqlite.org/rescode.html>

use crate::StoreError;

impl From<libsql::Error> for StoreError {
    fn from(error: libsql::Error) -> Self {
        match error {
            // The low byte is the primary code; the rest says more about it.
            libsql::Error::SqliteFailure(code, message) => match code & 0xff {
                5 | 6 => Self::Busy,
                8 => Self::ReadOnly,
                10 => Self::Io(message),
                11 | 26 => Self::Corrupt(message),
                13 => Self::Full,
                14 => Self::CannotOpen(message),
                19 => Self::Constraint(message),
                _ => Self::Other(format!("SQLite code {code}: {message}")),
            },
            libsql::Error::ConnectionFailed(message) => Self::CannotOpen(message),
            other => Self::Other(other.to_string()),
        }
    }
}

impl StoreError {
    /// Whether the transaction it happened in is lost: SQLite may have rolled it back by itself.
    /// <https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction>
    pub(crate) const fn ends_transaction(&self) -> bool {
        matches!(
            self,
            Self::Busy | Self::ReadOnly | Self::Io(_) | Self::Corrupt(_) | Self::Full | Self::CannotOpen(_)
        )
    }
}
