//! The service as the server uses it: a real store and real plugins, and lines that a test holds the other end of.
//! With the feature `simulator`, also real lines to the simulator.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod effects;
mod fake;
mod faults;
mod fetches;
mod inbound;
mod link;
mod restart;
mod sending;
#[cfg(feature = "simulator")]
mod simulated;
mod speech;
mod tokens;
mod update;
mod watch;
mod webhooks;
