//! Plugins: what there is, and the little that can be done to them while the server runs.

pub(crate) mod disable;
mod done;
pub(crate) mod enable;
pub(crate) mod id;
pub(crate) mod list;
pub(crate) mod reload;
