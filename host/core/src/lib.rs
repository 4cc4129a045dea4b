//! The words of Switchboard: what every other crate speaks in.
//!
//! Everything here is a value. Ids are parsed once and cannot be wrong afterwards, time and chance are arguments, and a failure
//! that a person will read is always a [`Problem`](problem::Problem). This crate imports nothing of ours.

#![forbid(unsafe_code)]

pub mod access;
pub mod address;
pub mod clock;
pub mod config;
pub mod content;
pub mod direction;
pub mod event;
pub mod header;
pub mod ids;
pub mod origin;
pub mod problem;
pub mod proxy;
pub mod random;
pub mod realm;
pub mod secret;
pub mod status;
pub mod wamid;
