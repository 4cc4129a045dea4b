//! A form as it is sent.

use bytes::{BufMut as _, Bytes, BytesMut};
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

/// The body.
pub(in crate::effects) fn body(boundary: &str, parts: &[Part]) -> Bytes {
    let mut body = BytesMut::new();
    for part in parts {
        body.put_slice(
            format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"",
                quoted(&part.name)
            )
            .as_bytes(),
        );
        if let Some(filename) = &part.filename {
            body.put_slice(format!("; filename=\"{}\"", quoted(filename)).as_bytes());
        }
        if let Some(mime) = &part.mime {
            let mime: String = mime.chars().filter(|c| (' '..='~').contains(c)).collect();
            body.put_slice(format!("\r\ncontent-type: {mime}").as_bytes());
        }
        body.put_slice(b"\r\n\r\n");
        body.put_slice(&part.bytes);
        body.put_slice(b"\r\n");
    }
    body.put_slice(format!("--{boundary}--\r\n").as_bytes());
    body.freeze()
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
        assert_eq!(&body("b", &parts)[..], expected);
    }
}
