//! The REST surface: `<noun>/<verb>.rs` holds one operation, with its body, its answer, its description and its tests.

pub(crate) mod health;
pub(crate) mod messages;
pub(crate) mod plugins;
pub(crate) mod sessions;
pub(crate) mod signed_urls;
pub(crate) mod token;
pub(crate) mod tokens;
