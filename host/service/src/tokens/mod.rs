//! Which tokens there are and which were taken back, one use case a file. Signing and reading them is the server's.
//!
//! A token allows what its row says. It gets its row when it is issued, or, if it was made on this machine by the command line, when
//! it is first shown; so whatever is in use can be listed and taken back.

pub(crate) mod book;
pub(crate) mod issue;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod view;
