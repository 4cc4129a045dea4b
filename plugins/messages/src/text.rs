//! `text`: words, and whether a link among them may be shown with a preview.

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::message_handler::{Content, Kind, Problem, Step};
use crate::bindings::switchboard::plugin::content::Text;

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

pub(crate) fn next(body: &str) -> Result<Step, Problem> {
    // The host has checked the body against the schema above: another shape here means that the two have parted.
    let Body { text, preview_url } = serde_json::from_str(body).map_err(|error| {
        Problem::Internal(format!(
            "the body does not have the shape of the schema ({:?})",
            error.classify()
        ))
    })?;
    Ok(Step::Send(vec![Content::Text(Text {
        body: text,
        preview_url,
    })]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &str) -> Text {
        match next(body) {
            Ok(Step::Send(contents)) => match <[Content; 1]>::try_from(contents) {
                Ok([Content::Text(text)]) => text,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_goes_out_as_it_came_in() {
        let text = sent(r#"{"text": "  *hi* 👋\n"}"#);
        assert_eq!((text.body.as_str(), text.preview_url), ("  *hi* 👋\n", false));
        assert!(sent(r#"{"text": "https://example.org", "previewUrl": true}"#).preview_url);
    }

    #[test]
    fn a_body_of_another_shape_is_the_plugins_own_fault_and_is_not_repeated() {
        for body in ["", "{}", r#"{"text": 7}"#, r#"{"text": "secret", "x": 1}"#] {
            let Err(Problem::Internal(sentence)) = next(body) else {
                panic!("{body} was taken")
            };
            assert!(!sentence.contains("secret"));
        }
    }
}
