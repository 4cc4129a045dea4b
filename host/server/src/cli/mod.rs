//! x
mod config;
pub mod exit;
