//! `reaction`: `message_id` and `emoji`; an empty emoji takes the reaction back. Whether it is one emoji is for the host to say.

use crate::bindings::switchboard::plugin::content::Reaction;
use crate::graph_error::GraphError;
use crate::params::Params;

pub(super) fn of(params: &Params) -> Result<Reaction, GraphError> {
    Ok(Reaction {
        message: params.needed_words("message_id")?,
        emoji: params.needed("emoji", params.text("emoji")?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::json;

    #[test]
    fn an_empty_emoji_is_one_and_none_is_not() {
        for emoji in ["😀", ""] {
            let reaction = of(&params(&json!({"message_id": "wamid.X", "emoji": emoji}))).unwrap();
            assert_eq!((reaction.message.as_str(), reaction.emoji.as_str()), ("wamid.X", emoji));
        }
        for body in [
            json!({"message_id": "wamid.X"}),
            json!({"emoji": "😀"}),
            json!({"message_id": "", "emoji": ""}),
        ] {
            assert!(of(&params(&body)).is_err(), "{body}");
        }
    }
}
