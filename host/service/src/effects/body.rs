//! Bodies between the host and its plugins: what is small is handed over, what is large stays here and is named.

use bytes::Bytes;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::http::{Body, Data};

use super::Carrier;

/// The largest body that is handed to a plugin.
const MOST_INLINE: usize = 256 * 1024;

impl Carrier<'_> {
    /// A body as a plugin gets it: text if it is, and a blob if it is large.
    pub fn body(&self, bytes: Bytes, mime: Option<&str>) -> Body {
        if bytes.is_empty() {
            return Body::Empty;
        }
        if bytes.len() > MOST_INLINE {
            return Body::Whole(Data::Blob(self.blobs.keep(bytes, mime)));
        }
        Body::Whole(match String::from_utf8(bytes.into()) {
            Ok(text) => Data::Text(text),
            Err(not_text) => Data::Bytes(not_text.into_bytes()),
        })
    }

    /// The bytes of a body that a plugin made.
    ///
    /// # Errors
    /// When it names a blob that is not of this request, or is a form where none can be sent.
    pub fn whole(&self, body: Body) -> Result<Bytes, Problem> {
        match body {
            Body::Empty => Ok(Bytes::new()),
            Body::Whole(data) => self.bytes(data),
            Body::Form(_) => Err(Problem::new(Code::PLUGIN_TRAP, "The plugin answered with a form.")),
        }
    }

    /// The bytes that a plugin means.
    pub(super) fn bytes(&self, data: Data) -> Result<Bytes, Problem> {
        Ok(match data {
            Data::Text(text) => text.into(),
            Data::Bytes(bytes) => bytes.into(),
            Data::Blob(blob) => self
                .blobs
                .get(&blob)
                .ok_or_else(|| Problem::invalid_field("blob", "There is no such blob in this request."))?,
        })
    }
}
