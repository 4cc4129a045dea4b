//! `text`: words, and whether a link among them may be shown with a preview.

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::message_handler::{Content, Kind, Problem};
use crate::bindings::switchboard::plugin::content::Text;
use crate::body;

pub(crate) const NAME: &str = "text";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    text: String,
    #[serde(default)]
    preview_url: bool,
}

pub(crate) fn kind() -> Kind {
    Kind {
        name: NAME.to_owned(),
        summary: "Plain text, up to 65,536 characters.".to_owned(),
        schema: include_str!("text.schema.json").to_owned(),
        example: r#"{"text": "Hello from Switchboard 👋"}"#.to_owned(),
    }
}

pub(crate) fn content(body: &str) -> Result<Content, Problem> {
    let Body { text, preview_url } = body::read(body)?;
    Ok(Content::Text(Text {
        body: text,
        preview_url,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_out_as_it_came_in() {
        let text = |body: &str, preview_url| {
            Ok(Content::Text(Text {
                body: body.to_owned(),
                preview_url,
            }))
        };
        assert_eq!(content(r#"{"text": "  *hi* 👋\n"}"#), text("  *hi* 👋\n", false));
        assert_eq!(content(r#"{"text": "hi", "previewUrl": true}"#), text("hi", true));
    }
}
