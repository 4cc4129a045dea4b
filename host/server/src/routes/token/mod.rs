//! Tokens.

pub(crate) mod get;
