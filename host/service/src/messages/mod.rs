//! The use cases around messages, one a file.

pub(crate) mod audience;
pub(crate) mod get;
pub(crate) mod log;
mod prepare;
pub(crate) mod read;
pub(crate) mod reference;
pub(crate) mod send;
pub(crate) mod tail;
pub(crate) mod turns;
pub(crate) mod typing;
pub(crate) mod view;
