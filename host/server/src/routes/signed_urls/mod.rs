//! URLs that carry their own permission.

pub(crate) mod create;
