//! Reading and building stanzas: the few helpers that every protocol module shares.

use std::borrow::Cow;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::{Node, NodeContent, NodeValue};
use whatsapp_rust::{Jid, wacore_binary};

/// The server's own address.
pub(crate) const SERVER: &str = "s.whatsapp.net";

/// Reading a stanza without caring what is missing: absent attributes and children read as nothing.
pub(crate) trait Stanza {
    /// An attribute as text.
    fn text(&self, key: &str) -> Option<Cow<'_, str>>;
    /// An attribute as an address.
    fn address(&self, key: &str) -> Option<Jid>;
    /// The content as bytes; empty if it has children or nothing.
    fn content_bytes(&self) -> &[u8];
    /// All children.
    fn list(&self) -> &[Node];
    /// Replaces an attribute.
    fn set(&mut self, key: &'static str, value: impl Into<NodeValue>);
    /// Removes an attribute.
    fn unset(&mut self, key: &str);
}

impl Stanza for Node {
    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.attrs.get(key).map(NodeValue::as_str)
    }

    fn address(&self, key: &str) -> Option<Jid> {
        self.attrs.get(key).and_then(NodeValue::to_jid)
    }

    fn content_bytes(&self) -> &[u8] {
        match &self.content {
            Some(NodeContent::Bytes(bytes)) => bytes,
            Some(NodeContent::String(text)) => text.as_bytes(),
            _ => &[],
        }
    }

    fn list(&self) -> &[Node] {
        self.children().unwrap_or_default()
    }

    fn set(&mut self, key: &'static str, value: impl Into<NodeValue>) {
        self.unset(key);
        self.attrs.push(key, value);
    }

    fn unset(&mut self, key: &str) {
        self.attrs.0.retain(|(name, _)| name != key);
    }
}

/// A child with bytes in it.
pub(crate) fn leaf(tag: &'static str, bytes: impl AsRef<[u8]>) -> Node {
    NodeBuilder::new(tag).bytes(bytes.as_ref().to_vec()).build()
}

/// The answer to an iq.
pub(crate) fn iq_result(request: &Node, children: Vec<Node>) -> Node {
    let mut reply = iq_reply(request, "result");
    if !children.is_empty() {
        reply = reply.children(children);
    }
    reply.build()
}

/// The refusal of an iq.
pub(crate) fn iq_error(request: &Node, code: u16, text: &'static str) -> Node {
    let error = NodeBuilder::new("error").attr("code", code).attr("text", text).build();
    iq_reply(request, "error").children([error]).build()
}

fn iq_reply(request: &Node, kind: &'static str) -> NodeBuilder {
    NodeBuilder::new("iq")
        .attr("from", request.text("to").unwrap_or(Cow::Borrowed(SERVER)).as_ref())
        .attr("type", kind)
        .attr("id", request.text("id").unwrap_or_default().as_ref())
}

/// The last stanza before the server closes a stream.
pub(crate) fn stream_error(code: u16) -> Node {
    NodeBuilder::new("stream:error").attr("code", code).build()
}

/// The bytes of a stanza, as they are kept on disk and sent inside a frame.
pub(crate) fn encode(stanza: &Node) -> Result<Vec<u8>, wacore_binary::BinaryError> {
    wacore_binary::marshal(stanza)
}

/// The stanza in a decrypted frame.
pub(crate) fn decode(bytes: &[u8]) -> Result<Node, wacore_binary::BinaryError> {
    let unpacked = wacore_binary::util::unpack(bytes)?;
    Ok(wacore_binary::marshal::unmarshal_ref(&unpacked)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_survives_its_own_encoding() {
        let stanza = NodeBuilder::new("message")
            .attr("id", "3EB0AA")
            .attr("to", Jid::pn_device("15550000001", 2))
            .children([leaf("enc", [1, 2, 3])])
            .build();
        let again = decode(&encode(&stanza).unwrap()).unwrap();
        assert_eq!(again.text("id").unwrap(), "3EB0AA");
        assert_eq!(again.address("to").unwrap().device, 2);
        assert_eq!(again.list()[0].content_bytes(), [1, 2, 3]);
    }

    #[test]
    fn an_answer_carries_the_id_of_its_request() {
        let request = NodeBuilder::new("iq").attr("id", "7").attr("to", SERVER).build();
        let refusal = iq_error(&request, 406, "not-acceptable");
        assert_eq!(refusal.text("id").unwrap(), "7");
        assert_eq!(refusal.text("type").unwrap(), "error");
        assert_eq!(refusal.list()[0].text("code").unwrap(), "406");
    }
}
