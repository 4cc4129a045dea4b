//! Everything that Switchboard keeps on disk.
//!
//! [`DataFolder`] takes the data folder for this process, [`Store`] opens the database in it. Below them, `db` is the one place that
//! knows libSQL, `writer` and `readers` own the connections, and `seal` keeps secrets secret. Above them, one file a noun: the
//! repositories, and [`keys`] for the keys of the WhatsApp protocol.

#![forbid(unsafe_code)]

mod db;
mod error;
mod folder;
pub mod keys;
mod look;
mod mailbox;
pub mod messages;
mod metrics;
mod migrations;
mod numbers;
mod open;
mod readers;
pub mod records;
mod seal;
pub mod sessions;
mod sight;
mod store;
#[cfg(test)]
mod testing;
pub mod tokens;
mod writer;

pub use self::error::StoreError;
pub use self::folder::{DataFolder, Probe};
pub use self::look::{Look, look};
pub use self::migrations::{Applied, Migration, Mismatch};
pub use self::open::{OpenError, OpenOptions, check_seal_key};
pub use self::seal::{MalformedKey, SealError, SealKey};
pub use self::store::Store;
