//! x
mod auth;
pub mod cli;
mod extract;
mod listen;
mod log;
mod problem;
mod qr_image;
mod shutdown;
