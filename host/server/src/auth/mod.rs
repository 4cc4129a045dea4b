//! Who may do what.
//!
//! A caller shows a bearer token: a JWT signed by one of this server's own keys, or the operator's admin key. Routes name the
//! scope they need in their handler's arguments with [`May`], so that a route without a check has no caller at all.
//! Keys live in the data folder (`keys.rs`, and `key_ring.rs` for a server that runs), the signature is HS256 and nothing else (`hs256.rs`), the claims are checked
//! against the clock that is passed in (`jwt.rs`), and `local.rs` decides who gets a token without showing one.

pub(crate) mod app_token;
mod bearer;
mod hs256;
pub(crate) mod jwt;
pub(crate) mod key_ring;
pub(crate) mod keys;
pub(crate) mod lifetime;
pub(crate) mod local;
pub(crate) mod scope;

pub(crate) use bearer::{May, admin_key_matches, presented};
