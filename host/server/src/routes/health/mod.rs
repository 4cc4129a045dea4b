//! For whoever keeps the process running.

pub(crate) mod live;
pub(crate) mod ready;
