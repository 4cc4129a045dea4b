//! The use cases around sessions, one a file.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod metadata;
pub(crate) mod update;
pub(crate) mod view;
pub(crate) mod watch;
