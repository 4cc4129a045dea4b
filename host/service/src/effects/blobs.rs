//! Bytes that a request's plugin names and never sees.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use switchboard_plugins::contract::types::Blob;

/// The blobs of one request.
#[derive(Debug, Default)]
pub(super) struct Blobs(Mutex<Vec<Bytes>>);

impl Blobs {
    /// Keeps some bytes.
    pub(super) fn keep(&self, bytes: Bytes, mime: Option<&str>) -> Blob {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        kept.push(bytes);
        Blob {
            id: format!("blob_{}", kept.len()),
            mime: mime.unwrap_or("application/octet-stream").to_owned(),
            size,
        }
    }

    /// The bytes of a blob, if it is one of this request's.
    pub(super) fn get(&self, blob: &Blob) -> Option<Bytes> {
        let place: usize = blob.id.strip_prefix("blob_")?.parse().ok()?;
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(place.checked_sub(1)?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_found_by_the_id_that_it_was_given_and_by_no_other() {
        let blobs = Blobs::default();
        let first = blobs.keep(Bytes::from_static(b"one"), Some("text/plain"));
        let second = blobs.keep(Bytes::from_static(b"two"), None);
        assert_eq!((first.mime.as_str(), first.size), ("text/plain", 3));
        assert_eq!(second.mime, "application/octet-stream");
        assert_eq!(blobs.get(&first).as_deref(), Some(&b"one"[..]));
        assert_eq!(blobs.get(&second).as_deref(), Some(&b"two"[..]));
        for id in [
            "",
            "blob_",
            "blob_0",
            "blob_3",
            "blob_-1",
            "blob_18446744073709551616",
            "1",
        ] {
            let made_up = Blob {
                id: id.to_owned(),
                ..first.clone()
            };
            assert_eq!(blobs.get(&made_up), None, "{id}");
        }
    }
}
