//! Tokens for other programs: what each may do, with which sessions, and until when.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;
