//! The storage behind the protocol library, held against the library's own in-memory storage.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod call;
mod device;
mod fixture;
mod inputs;
mod kinds;
mod oracle;
