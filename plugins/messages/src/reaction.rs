//! `reaction`: an emoji on a message, or none to take it back.

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::message_handler::{Content, Kind, Problem};
use crate::bindings::switchboard::plugin::content::Reaction;
use crate::bindings::switchboard::plugin::types::FieldProblem;
use crate::{body, emoji};

pub(crate) const NAME: &str = "reaction";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    message_id: String,
    emoji: String,
}

pub(crate) fn kind() -> Kind {
    Kind {
        name: NAME.to_owned(),
        summary: "An emoji on a message; an empty one takes the reaction back.".to_owned(),
        schema: include_str!("reaction.schema.json").to_owned(),
        example: r#"{"messageId": "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "emoji": "👍"}"#.to_owned(),
    }
}

pub(crate) fn content(body: &str) -> Result<Content, Problem> {
    let Body { message_id, emoji } = body::read(body)?;
    if !emoji.is_empty() && !emoji::is_one(&emoji) {
        return Err(Problem::InvalidField(FieldProblem {
            field: "emoji".to_owned(),
            message: "`emoji` must be one emoji, or an empty string to take the reaction back.".to_owned(),
        }));
    }
    Ok(Content::Reaction(Reaction {
        message: message_id,
        emoji,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_or_none_goes_out() {
        for emoji in ["❤️", ""] {
            let reaction = Reaction {
                message: "wamid.X".to_owned(),
                emoji: emoji.to_owned(),
            };
            let body = format!(r#"{{"messageId": "wamid.X", "emoji": "{emoji}"}}"#);
            assert_eq!(content(&body), Ok(Content::Reaction(reaction)));
        }
    }

    #[test]
    fn what_is_not_one_emoji_is_refused_and_not_repeated() {
        for emoji in ["ok", "👍👍", " "] {
            let Err(Problem::InvalidField(problem)) =
                content(&format!(r#"{{"messageId": "wamid.X", "emoji": "{emoji}"}}"#))
            else {
                panic!("{emoji} was taken")
            };
            assert_eq!(problem.field, "emoji");
            assert!(!problem.message.contains("ok") && !problem.message.contains('👍'));
        }
    }
}
