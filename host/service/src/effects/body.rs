//! Bodies between the host and its plugins: what is small is handed over, what is large stays here and is named.

use bytes::Bytes;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::http::{Body, Data};

use super::{Carrier, form};

/// The largest body that is handed to a plugin.
pub(super) const MOST_INLINE: usize = 256 * 1024;

impl Carrier<'_> {
    /// A body as a plugin gets it: text if it is, and a blob if it is large.
    pub fn body(&self, bytes: Bytes, mime: Option<&str>) -> Body {
        if bytes.is_empty() {
            return Body::Empty;
        }
        if bytes.len() > MOST_INLINE {
            return Body::Whole(Data::Blob(self.blobs.keep(bytes, mime)));
        }
        Body::Whole(inline(bytes))
    }

    /// A form as a plugin gets it; `None` when `content_type` is not that of a form.
    ///
    /// # Errors
    /// `invalid_field` when the body is no form, or has more than a plugin should go through.
    pub async fn form(&self, bytes: &Bytes, content_type: &str) -> Option<Result<Body, Problem>> {
        let parts = form::read(bytes, content_type, &self.blobs).await?;
        Some(parts.map(Body::Form))
    }

    /// The bytes of a body that a plugin answers with.
    ///
    /// # Errors
    /// `plugin_trap` when it names a blob that is not of this request, or is a form where none can be sent.
    pub fn whole(&self, body: Body) -> Result<Bytes, Problem> {
        let broken = |what: &str| Problem::new(Code::PLUGIN_TRAP, format!("The plugin answered with {what}."));
        match body {
            Body::Empty => Ok(Bytes::new()),
            Body::Whole(data) => self.bytes(data).map_err(|_| broken("a blob that there is not")),
            Body::Form(_) => Err(broken("a form")),
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

/// Bytes that are handed over: as text if they are.
pub(super) fn inline(bytes: Bytes) -> Data {
    match String::from_utf8(bytes.into()) {
        Ok(text) => Data::Text(text),
        Err(not_text) => Data::Bytes(not_text.into_bytes()),
    }
}
