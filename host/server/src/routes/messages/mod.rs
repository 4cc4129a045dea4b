//! Messages: sending, and the log of both directions.

pub(crate) mod get;
pub(crate) mod log;
pub(crate) mod send;
pub(crate) mod voices;
