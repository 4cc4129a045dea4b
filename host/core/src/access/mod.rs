//! What a caller may do, and with which sessions. What is not listed is not allowed.

mod scope;
mod sight;

pub use scope::{InvalidScope, Scope, Scopes};
pub use sight::Sight;

/// Everything that a caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What.
    pub scopes: Scopes,
    /// With which sessions.
    pub sessions: Sight,
}

impl Access {
    /// Everything, with every session.
    pub fn full() -> Self {
        Self {
            scopes: Scopes::all(),
            sessions: Sight::All,
        }
    }
}
