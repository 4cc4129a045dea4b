//! A form as it is sent.

use bytes::Bytes;
use switchboard_core::random::{self, Random};

/// One part of a form.
pub(in crate::effects) struct Part {
    pub(in crate::effects) name: String,
    pub(in crate::effects) filename: Option<String>,
    pub(in crate::effects) mime: Option<String>,
    pub(in crate::effects) bytes: Bytes,
}

/// What stands between the parts. By chance it is in none of them.
pub(in crate::effects) fn boundary(random: &dyn Random) -> String {
    let chance: [u8; 16] = random::array(random);
    let digits = chance.iter().map(|byte| format!("{byte:02x}"));
    digits.fold("switchboard-".to_owned(), |boundary, byte| boundary + &byte)
}

/// The body, piece after piece. What is in a part is not copied: many may be the same blob, and nobody has looked yet whether all of it
/// may be sent.
pub(in crate::effects) fn body(boundary: &str, parts: Vec<Part>) -> Vec<Bytes> {
    let mut body = Vec::with_capacity(2 * parts.len() + 1);
    // What ends the part before.
    let mut end = "";
    for part in parts {
        let name = quoted(&part.name);
        let mut head = format!("{end}--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some(filename) = &part.filename {
            head += &format!("; filename=\"{}\"", quoted(filename));
        }
        if let Some(mime) = &part.mime {
            let mime: String = mime.chars().filter(|c| (' '..='~').contains(c)).collect();
            head += &format!("\r\ncontent-type: {mime}");
        }
        head += "\r\n\r\n";
        body.extend([head.into(), part.bytes]);
        end = "\r\n";
    }
    body.push(format!("{end}--{boundary}--\r\n").into());
    body
}

/// As browsers do it (HTML, "multipart/form-data encoding algorithm").
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_parts_in_order_and_nothing_in_a_name_can_add_a_line() {
        let parts = [
            Part {
                name: "model\"\r\nx: y".to_owned(),
                filename: None,
                mime: None,
                bytes: Bytes::from_static(b"tts-1"),
            },
            Part {
                name: "file".to_owned(),
                filename: Some("a.ogg".to_owned()),
                mime: Some("audio/ogg\r\nx: y".to_owned()),
                bytes: Bytes::from_static(b"\x00\xff"),
            },
        ];
        let expected = b"--b\r\ncontent-disposition: form-data; name=\"model%22%0D%0Ax: y\"\r\n\r\ntts-1\r\n\
            --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.ogg\"\r\ncontent-type: audio/oggx: y\r\n\r\n\x00\xff\r\n\
            --b--\r\n";
        assert_eq!(body("b", parts.into()).concat(), expected);
        assert_eq!(body("b", Vec::new()).concat(), b"--b--\r\n");
    }
}
