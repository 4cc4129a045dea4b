//! `reaction`: `message_id` and `emoji`. An empty emoji takes the reaction back, and so does none: kapso's client leaves it out then.
//! Whether it is one emoji is for the host to say.

use crate::bindings::switchboard::plugin::content::Reaction;
use crate::graph_error::GraphError;
use crate::params::Params;

pub(super) fn of(params: &Params) -> Result<Reaction, GraphError> {
    Ok(Reaction {
        message: params.needed_words("message_id")?,
        emoji: params.text("emoji")?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::json;

    #[test]
    fn no_emoji_takes_the_reaction_back() {
        for (emoji, sent) in [(json!("😀"), "😀"), (json!(""), ""), (json!(null), "")] {
            let reaction = of(&params(&json!({"message_id": "wamid.X", "emoji": emoji}))).unwrap();
            assert_eq!((reaction.message.as_str(), reaction.emoji.as_str()), ("wamid.X", sent));
        }
    }

    #[test]
    fn a_message_is_needed() {
        for body in [json!({"emoji": "😀"}), json!({"message_id": "", "emoji": ""})] {
            assert!(of(&params(&body)).is_err(), "{body}");
        }
    }
}
