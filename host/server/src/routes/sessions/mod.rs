//! Sessions: linked WhatsApp devices.

pub(crate) mod create;
pub(crate) mod delete;
mod done;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod logout;
pub(crate) mod qr;
pub(crate) mod relink;
pub(crate) mod restart;
pub(crate) mod update;
