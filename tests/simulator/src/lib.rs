//! A WhatsApp Web server on loopback, with virtual phones, for tests and for people without a phone.
//!
//! It speaks the real protocol: Noise handshakes with a certificate chain of its own root, linking by QR or phone code,
//! pre-keys, device lists, Signal-encrypted messages between real sessions, receipts, retries, offline delivery. Clients
//! connect to [`Simulator::ws_url`]; a test holds the phones as [`Phone`]; everything a test can do, a person can do over
//! HTTP at [`Simulator::admin_url`].
//!
//! ```no_run
//! # async fn example(qr: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let simulator = simulator::Simulator::start(simulator::Options::default()).await?;
//! let phone = simulator.phone("15550000001")?;
//! phone.scan_qr(qr).await?;
//! phone.send_text("15550000002", "hello").await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod account;
mod address;
mod admin;
mod blob;
mod clock;
mod connection;
mod counters;
mod device;
mod directory;
mod fault;
mod iq;
mod locked;
mod login;
mod message;
mod noise;
mod options;
mod pairing;
mod persist;
mod phone;
mod random;
mod server;
mod simulator;
mod stanza;

pub use self::address::{InvalidNumber, Number};
pub use self::clock::{Clock, SystemClock};
pub use self::counters::Tally;
pub use self::fault::{Fault, FaultError};
pub use self::options::{Options, Timing};
pub use self::persist::DataError;
pub use self::phone::{LinkedDevice, Phone, PhoneError, ReceivedMessage, SeenReceipt};
pub use self::random::Random;
pub use self::simulator::{Simulator, StartError};

/// The phone that scans when nobody says which.
pub const DEFAULT_PHONE: &str = "15550000001";
