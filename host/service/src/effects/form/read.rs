//! A form as it comes in.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use percent_encoding::percent_decode_str;
use switchboard_core::problem::Problem;
use switchboard_plugins::contract::http::{Data, Part};

use crate::effects::blobs::Blobs;
use crate::effects::body::{MOST_INLINE, inline};
use crate::effects::form::MOST_PARTS;

/// Bytes of the name of a field or a file.
const LONGEST_NAME: usize = 1024;

/// The parts of a form, in order: every file is kept, however small it is, and of the rest what is large. `None` when `content_type`
/// is not that of a form.
pub(in crate::effects) async fn read(
    bytes: &Bytes,
    content_type: &str,
    blobs: &Blobs,
) -> Option<Result<Vec<Part>, Problem>> {
    let boundary = match multer::parse_boundary(content_type) {
        Ok(boundary) => boundary,
        Err(multer::Error::NoMultipart | multer::Error::DecodeContentType(_)) => return None,
        Err(error) => return Some(Err(broken(&error))),
    };
    let whole = stream::iter([Ok::<_, Infallible>(bytes.clone())]);
    Some(parts(multer::Multipart::new(whole, boundary), blobs).await)
}

async fn parts(mut form: multer::Multipart<'_>, blobs: &Blobs) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(refused("Each part of the form must have a name, in UTF-8.".to_owned()));
        };
        let filename = field.file_name().map(str::to_owned).or_else(|| other_filename(&field));
        let mime = field.content_type().map(ToString::to_string);
        if parts.len() == MOST_PARTS {
            return Err(refused(format!("The form must have at most {MOST_PARTS} parts.")));
        }
        if [Some(&name), filename.as_ref(), mime.as_ref()]
            .into_iter()
            .flatten()
            .any(|name| name.len() > LONGEST_NAME)
        {
            return Err(refused(format!(
                "The names in a form must be at most {LONGEST_NAME} bytes."
            )));
        }
        let bytes = field.bytes().await.map_err(|error| broken(&error))?;
        let data = if filename.is_some() || bytes.len() > MOST_INLINE {
            Data::Blob(blobs.keep(bytes, mime.as_deref()))
        } else {
            inline(bytes)
        };
        parts.push(Part {
            name,
            filename,
            mime,
            data,
        });
    }
    Ok(parts)
}

/// The name of a file that is not written as most clients write it: `filename*` (RFC 5987), or in another encoding than UTF-8. What
/// has one is a file.
fn other_filename(field: &multer::Field<'_>) -> Option<String> {
    let disposition = field.headers().get("content-disposition")?;
    let written = String::from_utf8_lossy(disposition.as_bytes()).into_owned();
    let value = written.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_filename = ["filename", "filename*"].contains(&name.trim().to_ascii_lowercase().as_str());
        is_filename.then_some(value.trim().trim_matches('"'))
    })?;
    let value = value.split_once("''").map_or(value, |(_, value)| value);
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn broken(error: &multer::Error) -> Problem {
    let sentence = match error {
        multer::Error::NoBoundary => "The content type of a form must say its boundary.",
        multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders => "The form ends before it is complete.",
        _ => "The body is not a form as its content type says.",
    };
    refused(sentence.to_owned())
}

fn refused(sentence: String) -> Problem {
    Problem::invalid_field("body", sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "Multipart/Form-Data; boundary=\"b\"";

    fn part(headers: &str, body: &str) -> String {
        format!("--b\r\ncontent-disposition: form-data; {headers}\r\n\r\n{body}\r\n")
    }

    async fn form(body: String, blobs: &Blobs) -> Result<Vec<Part>, String> {
        let parts = read(&body.into(), FORM, blobs).await.unwrap();
        parts.map_err(|problem| problem.message().to_owned())
    }

    #[tokio::test]
    async fn fields_are_read_in_order_and_files_stay_here() {
        let blobs = Blobs::default();
        let body = part("name=\"type\"", "image/png")
            + &part(
                "name=\"file\"; filename=\"../a b.png\"\r\ncontent-type: image/png",
                "\u{0}",
            )
            + &part("name=large", &"x".repeat(MOST_INLINE + 1))
            + &part("name=\"nul\"; filename=\"\"", "")
            + &part("name=\"filename\"; a=b", "a.png")
            + &part("name=\"odd\"; filename*=UTF-8''%E6%97%A5.png", "x")
            + "--b--\r\n";
        let parts = form(body, &blobs).await.unwrap();
        let seen: Vec<_> = parts
            .iter()
            .map(|part| {
                let data = match &part.data {
                    Data::Text(text) => format!("text {text}"),
                    Data::Bytes(bytes) => format!("{} bytes", bytes.len()),
                    Data::Blob(blob) => {
                        let kept = blobs.get(blob).unwrap();
                        assert_eq!(u64::try_from(kept.len()).unwrap(), blob.size);
                        format!("{} {}", blob.size, blob.mime)
                    }
                };
                (part.name.as_str(), part.filename.as_deref(), data)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("type", None, "text image/png".to_owned()),
                ("file", Some("../a b.png"), "1 image/png".to_owned()),
                ("large", None, format!("{} application/octet-stream", MOST_INLINE + 1)),
                ("nul", Some(""), "0 application/octet-stream".to_owned()),
                ("filename", None, "text a.png".to_owned()),
                ("odd", Some("日.png"), "1 application/octet-stream".to_owned()),
            ]
        );
    }

    #[tokio::test]
    async fn what_is_no_form_is_left_to_be_a_body() {
        for content_type in ["application/json", "multipart/mixed; boundary=b", "", "nonsense"] {
            let read = read(&Bytes::from_static(b"{}"), content_type, &Blobs::default()).await;
            assert!(read.is_none(), "{content_type}");
        }
    }

    #[tokio::test]
    async fn a_broken_form_is_refused_with_what_is_wrong() {
        let blobs = Blobs::default();
        for (body, sentence) in [
            (String::new(), "The form ends before it is complete."),
            (part("name=a", "x"), "The form ends before it is complete."),
            ("{\"a\": 1}".to_owned(), "The form ends before it is complete."),
            (
                part("name=a", "x").repeat(65) + "--b--",
                "The form must have at most 64 parts.",
            ),
            (
                part(&format!("name=\"{}\"", "a".repeat(1025)), "x") + "--b--",
                "The names in a form must be at most 1024 bytes.",
            ),
            (
                part("filename=a", "x") + "--b--",
                "Each part of the form must have a name, in UTF-8.",
            ),
            (
                "--b\r\nno header\r\n\r\nx\r\n--b--".to_owned(),
                "The body is not a form as its content type says.",
            ),
        ] {
            assert_eq!(form(body, &blobs).await, Err(sentence.to_owned()));
        }
        let unbound = read(&Bytes::new(), "multipart/form-data", &blobs).await.unwrap();
        assert_eq!(
            unbound.unwrap_err().message(),
            "The content type of a form must say its boundary."
        );
    }
}
