//! Lines over real keys and a real socket, to the simulator.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod end;
mod fixture;
mod keys;
mod link;
mod loss;
mod repair;
mod resume;
mod send;
