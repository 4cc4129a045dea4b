//! Forms: `multipart/form-data` (RFC 7578), as it comes in from a client and as it is sent to a service; of at most 64 parts, either way.

mod read;
mod write;

pub(super) use self::read::read;
pub(super) use self::write::{Part, body, boundary};

/// Parts of one form.
pub(super) const MOST_PARTS: usize = 64;
