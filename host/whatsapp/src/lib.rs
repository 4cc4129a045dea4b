//! The lines to WhatsApp: one per linked session, each behind the trait [`Line`].
//!
//! A [`Driver`] is one per process and opens lines. A line keeps one device of one account connected for as long as it is
//! wanted, says in [`LineState`] what is true about its socket, and hands what arrives to a [`Sink`]. [`encode`] turns content
//! into the bytes that a line sends. The protocol library is named in this crate alone.

#![forbid(unsafe_code)]
#![recursion_limit = "256"]

pub mod backend;
mod certificate;
mod decode;
mod driver;
mod encode;
mod http_client;
mod jid;
mod line;
mod masked;
mod sink;
mod transport;
mod vcard;
mod version;
mod ways;

pub use self::certificate::CertificateCheck;
pub use self::driver::{Driver, DriverError, DriverOptions};
pub use self::encode::{Quoted, Wrapping, encode};
pub use self::line::loss::{Loss, LossReason};
pub use self::line::state::{Health, LineState, LineStatus, LinkStep, PairingCode, Passkey, Patience, QrCode};
pub use self::line::{Line, LineError, Outgoing, Purpose, Registered, SendError, Typing};
pub use self::masked::Masked;
pub use self::sink::Sink;
pub use self::ways::ProxyRefused;
