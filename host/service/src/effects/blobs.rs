//! Bytes that a request's plugin names and never sees.
//!
//! They are kept until the request is answered. What its client sent is as large as the host lets a body be; what is fetched for it is at
//! most 32 MiB together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::types::Blob;

/// Bytes of all that is fetched and kept for one request.
const MOST_FETCHED: usize = 32 * 1024 * 1024;

/// The blobs of one request.
#[derive(Debug, Default)]
pub(super) struct Blobs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    blobs: Vec<Bytes>,
    fetched_bytes: usize,
}

impl Blobs {
    /// Keeps some bytes of what the client sent.
    pub(super) fn keep(&self, bytes: Bytes, mime: Option<&str>) -> Blob {
        self.kept().keep(bytes, mime)
    }

    /// Keeps what was fetched.
    ///
    /// # Errors
    /// `not_supported` when that is more than a request may keep. What was kept before stays.
    pub(super) fn keep_fetched(&self, bytes: Bytes, mime: Option<&str>) -> Result<Blob, Problem> {
        let mut kept = self.kept();
        let sum = kept.fetched_bytes.saturating_add(bytes.len());
        if MOST_FETCHED < sum {
            let most = MOST_FETCHED >> 20;
            let sentence = format!("What is fetched and kept for one request is at most {most} MiB together.");
            return Err(Problem::new(Code::NOT_SUPPORTED, sentence));
        }
        kept.fetched_bytes = sum;
        Ok(kept.keep(bytes, mime))
    }

    /// The bytes of a blob, if it is one of this request's.
    pub(super) fn get(&self, blob: &Blob) -> Option<Bytes> {
        let place: usize = blob.id.strip_prefix("blob_")?.parse().ok()?;
        self.kept().blobs.get(place.checked_sub(1)?).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, bytes: Bytes, mime: Option<&str>) -> Blob {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.blobs.push(bytes);
        Blob {
            id: format!("blob_{}", self.blobs.len()),
            mime: mime.unwrap_or("application/octet-stream").to_owned(),
            size,
        }
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

    #[test]
    fn what_is_fetched_for_one_request_is_kept_up_to_a_sum_and_what_its_client_sent_is_no_part_of_that() {
        let blobs = Blobs::default();
        let half = Bytes::from(vec![0; MOST_FETCHED / 2]);
        blobs.keep(half.clone(), None);
        for _ in 0..2 {
            assert!(blobs.keep_fetched(half.clone(), None).is_ok());
        }
        let problem = blobs.keep_fetched(Bytes::from_static(b"x"), None).unwrap_err();
        assert_eq!(
            problem.message(),
            "What is fetched and kept for one request is at most 32 MiB together."
        );
        assert!(blobs.keep_fetched(Bytes::new(), None).is_ok());
        let next = blobs.keep(Bytes::from_static(b"x"), None);
        assert_eq!((next.id.as_str(), blobs.get(&next).is_some()), ("blob_5", true));
    }
}
