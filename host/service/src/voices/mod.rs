//! Voices, and what they say. Providers of speech are plugins; the host fetches for them, and keeps what they offer for a day.

pub(crate) mod catalogs;
pub(crate) mod list;
pub(crate) mod speak;
