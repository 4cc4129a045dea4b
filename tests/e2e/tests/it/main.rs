//! The real host against the simulator, over HTTP. Each module is one thing that must hold.

mod support;

mod bad_input;
mod conversation;
mod faults;
mod life;
mod link;
mod restart;
mod start;
mod tokens;
